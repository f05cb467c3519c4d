export { defaultKeyFile, openStorage, type StorageConfig } from './open-storage.ts';
export { KeyRing, type KeyState, type SlotState } from './key-ring.ts';
export { ensureKeyFile } from './key-file.ts';
export { makeRecoveryCode } from './key-recovery-code.ts';
export { isMedium, readMediumKey } from './key-medium.ts';
export { type Storage } from './storage.ts';
export { type PlatformVolumes } from './platform-volumes.ts';
export { type VolumeState } from './volume-state.ts';
export { type StorageWarning } from './host-space.ts';
export { type OwnerIds } from './volume-folders.ts';
export { type PlacedResources } from './resources.ts';
export {
  holdDirectory,
  listInstrumentFiles,
  readInstrumentFile,
  type HeldDirectory,
} from './held-directory.ts';
export { KeyedQueue } from './keyed-queue.ts';
export { type Deliveries } from './deliveries.ts';
export { DELIVERY_LIMITS, type DeliveryTarget } from './delivery-rules.ts';
export { senderText, type DeliveredFile, type DeliverySender } from './delivery-record.ts';
