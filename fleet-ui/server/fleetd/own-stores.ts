import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { DataStore } from '@bulkhead/fleet-api';
import type { FleetStores } from '../data/index.ts';
import type { FleetEvents } from '../events/index.ts';
import type { People } from '../people/index.ts';
import { STORE_FILE } from '../store/index.ts';

export interface OwnStoresParts {
  stateDir: string;
  bufferMib: number;
  /** Read at each use: it can be set in the app. */
  keeping: { retentionDays: number; storeMib: number };
  events: Pick<FleetEvents, 'status' | 'buffer'>;
  people: Pick<People, 'auditExtent'>;
}

const MIB = 2 ** 20;
const MACHINE = "root and fleetd's user of the fleet's machine";
const EVENT_READERS = [MACHINE, 'people and tokens with the right events.read, of the sensors they may see'];
const BACKUP = 'backups that somebody makes with `fleetd backup`';

/** What the fleet itself keeps, measured when somebody asks. A part that does not answer is listed with its fault. */
export function fleetStores(parts: OwnStoresParts): FleetStores {
  return async () => [
    await eventStore(parts),
    await buffer(parts),
    audit(parts),
    database(parts),
    keys(),
    backups(),
  ];
}

async function eventStore({ events, keeping }: OwnStoresParts): Promise<DataStore> {
  const measured = await whole(async () => {
    const { records, bytes, oldest } = await events.status();
    return { records, bytes, ...(oldest === undefined ? {} : { oldest, basis: 'measured' as const }) };
  });
  return {
    ...own(
      'events',
      'event-store',
      'Events of all sensors, their index, counts and marks; and the assets derived from them',
    ),
    limitBytes: keeping.storeMib * MIB,
    policy: `${String(keeping.retentionDays)} days; when the room is full, the oldest go first`,
    readers: EVENT_READERS,
    goesTo: ['channels of notifications, as far as their settings say', 'what people download'],
    ...measured,
  };
}

async function buffer({ events, bufferMib }: OwnStoresParts): Promise<DataStore> {
  const measured = await whole(async () => {
    const { messages, bytes, oldestMs } = await events.buffer();
    const oldest = oldestMs === undefined ? undefined : new Date(oldestMs).toISOString();
    return {
      records: messages,
      bytes,
      ...(oldest === undefined ? {} : { oldest, basis: 'measured' as const }),
    };
  });
  return {
    ...own('buffer', 'stream', 'Messages of sensors that have arrived and are not in the event store yet'),
    limitBytes: bufferMib * MIB,
    policy: 'forgotten as soon as the event store has them; when it is full, sensors keep theirs',
    readers: [MACHINE],
    goesTo: ['the event store'],
    ...measured,
  };
}

function audit({ people }: OwnStoresParts): DataStore {
  const { entries, oldestMs } = people.auditExtent();
  return {
    ...own('audit', 'journal', 'Audit log: who saw and did what, with names and addresses of people'),
    records: entries,
    ...(oldestMs === undefined
      ? {}
      : { oldest: new Date(oldestMs).toISOString(), basis: 'measured' as const }),
    policy: 'kept for good: lines are only added',
    readers: [MACHINE, 'people and tokens with the right audit.read'],
    goesTo: [BACKUP, 'what people download'],
    faults: [],
  };
}

function database({ stateDir }: OwnStoresParts): DataStore {
  const bytes = ['', '-wal'].reduce(
    (sum, end) =>
      sum + (statSync(join(stateDir, `${STORE_FILE}${end}`), { throwIfNoEntry: false })?.size ?? 0),
    0,
  );
  return {
    ...own(
      'database',
      'database',
      'People, sessions, tokens (as hashes), sensors, groups and configurations, labels, settings, data reports of sensors; the audit log lies in it too',
    ),
    bytes,
    policy: 'until somebody removes it; sessions and codes until they end',
    readers: [MACHINE, 'each part by the right that belongs to it'],
    goesTo: [BACKUP, 'sensors: their own configuration'],
    faults: [],
  };
}

function keys(): DataStore {
  return {
    ...own('keys', 'keys', "Private keys: of the fleet's own CA, of its listeners and for sealing secrets"),
    policy: 'the CA for ten years; keys of listeners are made anew after two thirds of 90 days',
    readers: [MACHINE],
    goesTo: [BACKUP],
    faults: [],
  };
}

function backups(): DataStore {
  return {
    ...own('backups', 'backup', 'Backups and downloads that somebody made'),
    policy: 'not known: where they lie and how long decides who made them',
    readers: ['who can read the place where they were put'],
    goesTo: [],
    faults: [],
  };
}

function own(name: string, kind: string, what: string): Pick<DataStore, 'copy' | 'kind' | 'what' | 'holder'> {
  return { copy: `fleet/${name}`, kind, what, holder: 'fleet' };
}

async function whole(
  measure: () => Promise<Partial<DataStore>>,
): Promise<Partial<DataStore> & { faults: string[] }> {
  try {
    return { ...(await measure()), faults: [] };
  } catch {
    // Why is told by who owns it, under attention.
    return { faults: ['It does not answer now, so its size and age are not known.'] };
  }
}
