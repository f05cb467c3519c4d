import type { DataCopy, DataSource, DataSubject } from '../data/index.ts';
import type { DataHold, EventStoreData } from '../events/index.ts';

const HOLDS_ARE_KNOWN_MS = 5_000;

/** The event store as a source of the data report, of find, hold and purge. Everything here is measured. */
export function eventStoreSource(store: EventStoreData, where: string): DataSource {
  // Every hold is told again from time to time, and only the report lists them: one report serves all of a round.
  let asked: { atMs: number; holds: Promise<readonly DataHold[]> } | undefined;
  const holds = (): Promise<readonly DataHold[]> => {
    if (asked === undefined || performance.now() - asked.atMs > HOLDS_ARE_KNOWN_MS) {
      asked = { atMs: performance.now(), holds: store.report().then((report) => report.holds) };
    }
    return asked.holds;
  };
  return {
    name: 'event-store',
    copies: async () => {
      const report = await store.report();
      const fields =
        report.policy.fields.length === 0 ? '' : `; field policy: ${report.policy.fields.join(', ')}`;
      const whole: DataCopy = {
        copy: 'event-store',
        kind: 'event-store',
        what: `the searchable copy of stored events${fields}`,
        where,
        holder: 'platform',
        limitBytes: report.storeMib * 1024 * 1024,
        measured: {
          records: report.records,
          bytes: report.bytes,
          ...(report.oldest === undefined ? {} : { oldest: report.oldest }),
          ...(report.newest === undefined ? {} : { newest: report.newest }),
        },
        policy: { text: 'by type, see below; when it is full the oldest go first' },
        readers: [],
        goesTo: ['exports that are asked for (listed below)'],
      };
      const types = Object.entries(report.byType).map(
        ([type, { records, oldest, newest, retentionDays }]): DataCopy => ({
          copy: `event-store/${type}`,
          kind: 'event-store',
          what: `events of the type ${type}`,
          where,
          holder: 'platform',
          measured: { records, oldest, newest },
          policy:
            retentionDays === 0
              ? { text: 'no limit by age: kept until the store is full' }
              : { days: retentionDays, text: `${String(retentionDays)} days` },
          readers: [],
          goesTo: [],
        }),
      );
      return [whole, ...types];
    },
    find: async (subject) => {
      const { records, oldest, newest } = await store.find(subject);
      return [
        {
          copy: 'event-store',
          records,
          basis: 'measured',
          complete: true,
          ...(oldest === undefined ? {} : { oldest }),
          ...(newest === undefined ? {} : { newest }),
        },
      ];
    },
    purge: async (subject) => {
      const { deleted, held } = await store.purge(subject);
      const note =
        held === 0
          ? {}
          : { note: `${String(held)} records stay: somebody or something else in them is held` };
      return [{ copy: 'event-store', deleted, basis: 'measured', ...note }];
    },
    hold: async (subject, hold) => {
      const mine = (await holds()).filter((one) => sameSubject(one.subject, subject));
      if (hold && mine.length === 0) await store.hold(subject, 'held by the operator: bulkhead data holds');
      if (!hold) for (const { id } of mine) await store.release(id);
      if (!hold || mine.length === 0) asked = undefined;
    },
  };
}

function sameSubject(
  a: { address?: string | undefined; name?: string | undefined },
  b: DataSubject,
): boolean {
  return 'address' in b ? a.address === b.address : a.name === b.name;
}
