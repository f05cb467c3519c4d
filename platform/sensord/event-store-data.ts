import { fieldRuleText, type EventStoreData } from '../events/index.ts';
import type { EventsConfig } from '../contracts/index.ts';
import type { DataCopy, DataSource } from '../data/index.ts';

const COPY = 'event-store';

/** The event store as the data report lists it, and as find, hold and purge reach it. */
export function storeDataSource(data: () => EventStoreData, settings: () => EventsConfig): DataSource {
  return {
    name: COPY,
    copies: async () => {
      const { retentionDays, storeMib, fieldPolicy } = settings();
      const report = await data().report();
      const days = Object.entries(retentionDays.types).map(
        ([type, count]) => `${type} ${String(count)} days`,
      );
      const fields = fieldPolicy.map(fieldRuleText);
      const where = 'encrypted volume platform.events';
      const byType = Object.entries(report.byType).map(
        ([type, { records, oldest, newest, retentionDays: limit }]): DataCopy => ({
          copy: `${COPY}/${type}`,
          kind: 'event-store',
          what: `events of the type ${type}`,
          where,
          holder: 'platform',
          measured: { records, oldest, newest },
          policy:
            limit === 0
              ? { text: 'kept until the store is full' }
              : { days: limit, text: `${String(limit)} days` },
          readers: [],
          goesTo: [],
        }),
      );
      return [
        {
          copy: COPY,
          kind: 'event-store',
          what: 'all events of all instruments, searchable',
          where,
          holder: 'platform',
          limitBytes: storeMib * 1024 * 1024,
          measured: {
            records: report.records,
            bytes: report.bytes,
            ...(report.oldest === undefined ? {} : { oldest: report.oldest }),
            ...(report.newest === undefined ? {} : { newest: report.newest }),
          },
          policy: {
            text: [
              `by type, ${String(retentionDays.default)} days unless said otherwise`,
              ...days,
              ...fields,
            ].join('; '),
          },
          readers: [],
          goesTo: ['exports that an operator asks for'],
        },
        ...byType,
      ];
    },
    find: async (subject) => {
      const { records, oldest, newest } = await data().find(subject);
      return [
        {
          copy: COPY,
          records,
          ...(oldest === undefined ? {} : { oldest }),
          ...(newest === undefined ? {} : { newest }),
          basis: 'measured',
          complete: true,
        },
      ];
    },
    purge: async (subject) => {
      const { deleted, held } = await data().purge(subject);
      return [
        {
          copy: COPY,
          deleted,
          basis: 'measured',
          ...(held === 0 ? {} : { note: `${String(held)} records stay: they are under a hold` }),
        },
      ];
    },
    hold: async (subject, hold) => {
      const store = data();
      if (hold) {
        await store.hold(subject, 'asked for by an operator');
        return;
      }
      const { holds } = await store.report();
      for (const found of holds) {
        const same =
          'address' in subject
            ? found.subject.address === subject.address
            : found.subject.name === subject.name;
        if (same) await store.release(found.id);
      }
    },
  };
}
