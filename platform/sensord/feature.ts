import type { FastifyInstance } from 'fastify';
import type { InstrumentStatus, MonitorStatus, PlatformEventType, SensorStatus } from '../contracts/index.ts';
import type { StreamState } from '../bus/index.ts';
import type { DataSources } from '../data/index.ts';
import type { EventQuery } from '../events/index.ts';
import type { Logger, Site } from '../kernel/index.ts';
import type { StoreCounts } from '../network/index.ts';
import type { ConfigChanges } from './config-change.ts';
import type { Configuration } from './configuration.ts';
import type { Rooms } from './open-rooms.ts';
import type { Sensor } from './sensor.ts';

/** What a feature may use; it takes the parts that it needs and hands smaller interfaces to the rooms. */
export interface FeatureContext {
  site: Site;
  log: Logger;
  rooms: Rooms;
  configuration: Configuration;
  /** Changes the configuration, each change as a transaction. */
  changes: ConfigChanges;
  sensor: Sensor;
  /** Stored events, out of the streams. */
  query: EventQuery;
  /** Stores an event of the platform's own, in the background; a fault goes to the log. */
  publish: (type: PlatformEventType, record: Record<string, unknown>) => void;
  status: () => Promise<SensorStatus>;
  /**
   * `register` for those who keep data (the report lists it, find, hold and purge reach it); `recordExport` for those who let
   * it leave the sensor.
   */
  data: DataSources;
  /** All features, also those that were opened later. */
  features: () => readonly Feature[];
}

/**
 * Something that a running sensor does beside keeping its instruments: it joins rooms, and may answer on the local API.
 *
 * `routes` is called first, before the API listens, and people ask from then on: what is answered before `start` must be true as
 * well. `start` comes once, when instruments were brought up (it returns quickly and works on in the background); `stop` once,
 * before the bus and the volumes are let go, also when `start` failed. A feature that fails to start is logged and shown under
 * attention, and hinders no other.
 */
export interface Feature {
  name: string;
  routes?(app: FastifyInstance): void;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** What needs attention now, in words. Cheap: asked with every status. */
  attention?(): string[];
  /** How far it has taken in what the streams hold, for the ledger. */
  storeCounts?(streams: readonly StreamState[]): Promise<readonly StoreCounts[]>;
  /** What it has brought elsewhere of a stream, and how long (s) the rest waits there for it; undefined: it wants nothing of it. */
  holdsBack?(stream: StreamState): { upTo: number; forS: number } | undefined;
  /** What it knows of a monitor interface, for the status. Cheap. */
  monitor?(name: string): Pick<MonitorStatus, 'feed'>;
  /** What it knows of a running instrument, for the status. Cheap. */
  instrument?(name: string): Pick<InstrumentStatus, 'use'>;
  /** What it knows of the machine, for the status. Cheap. */
  machine?(): Pick<SensorStatus, 'host' | 'volumes'>;
}
