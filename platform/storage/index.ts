export { openStorage, type StorageConfig } from './open-storage.ts';
export { type Storage } from './storage.ts';
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
