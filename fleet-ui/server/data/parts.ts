import type { Database } from 'better-sqlite3';
import type { Logger } from '@bulkhead/platform/kernel';
import type { AskReport } from './reports.ts';
import type { FleetStores } from './rows.ts';

/** What this room is opened with. */
export interface DataParts {
  db: Database;
  /** Name of the fleet, for the report. */
  fleet: string;
  version: string;
  ownStores: FleetStores;
  sensors: {
    all(): readonly { id: string; name: string }[];
    isOnline(id: string): boolean;
    ask: AskReport;
    /** Called when a sensor attached. */
    onAttached(listener: (sensor: string) => void): void;
  };
  log: Logger;
  now?: () => number;
}
