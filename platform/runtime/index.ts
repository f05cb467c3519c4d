export { openRuntime, type Runtime, type RuntimeParts } from './runtime.ts';
export { ensureLxdDaemon, type LxdDaemon } from './daemon.ts';
export { siteSources } from './project.ts';
export { containmentFaults, containmentOf } from './containment.ts';
export {
  collisions,
  foreignRanges,
  hostCollisions,
  ID_FILES,
  IDS_PER_CONTAINER,
  parseSubIds,
  type IdFiles,
  type IdRange,
} from './id-ranges.ts';
export type {
  Containment,
  ContainerSpec,
  ContainerState,
  DiskSpec,
  LinkSpec,
  RuntimeEvent,
} from './types.ts';
export { instrumentOf, lxdName } from './lxd-names.ts';
