export { LxdClient, openLxd } from './client.ts';
export { isLxdError, LxdError, type LxdErrorCode } from './errors.ts';
export { findSocket, KNOWN_SOCKETS } from './socket.ts';
export type { EventStream, EventsOptions, EventType, LxdEvent } from './events.ts';
export type { ExecOptions, ExecResult } from './exec.ts';
export type { FileAttributes, Files } from './files.ts';
export type { ImageImport, Images } from './images.ts';
export type { Instances } from './instances.ts';
export type { OperationOptions, Operations } from './operations.ts';
export type { Projects } from './projects.ts';
export type { StoragePools } from './storage-pools.ts';
export type {
  ConfigMap,
  DeviceMap,
  Image,
  ImageAlias,
  Instance,
  InstanceCreate,
  InstanceFull,
  InstancePut,
  InstanceState,
  InstanceStateChange,
  Operation,
  Progress,
  Project,
  Server,
  StoragePool,
  StoragePoolResources,
} from './types.ts';
