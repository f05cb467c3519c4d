import type { Logger } from '@bulkhead/platform/kernel';
import type { Store } from '../store/index.ts';
import type { FleetConfig } from './config.ts';
import type { FleetNames } from './names.ts';

/** What rooms are opened with; each takes the parts that it needs. */
export interface FleetContext {
  config: FleetConfig;
  names: FleetNames;
  store: Store;
  log: Logger;
  /** Folder of the program: threads and native parts lie beside it. */
  programDir: string;
  /** Port of the listener for people, once it listens. */
  webPort: () => number;
}
