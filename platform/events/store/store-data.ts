import type { FieldRule } from '../../contracts/index.ts';
import { fieldRuleText } from '../field-policy.ts';
import type { EventStoreData } from './data.ts';
import type { Keeping } from './maintain.ts';
import type { Reader } from './reader.ts';
import type { Writer } from './writer.ts';

type Ask<T extends Record<string, (...args: never[]) => unknown>> = <K extends keyof T & string>(
  work: K,
  ...args: Parameters<T[K]>
) => Promise<Awaited<ReturnType<T[K]>>>;

/** What is needed of the store. */
export interface DataAccess {
  settings: () => Keeping & { fieldPolicy: readonly FieldRule[] };
  nowMs: () => number;
  writer: Ask<Writer>;
  reader: Ask<Reader>;
}

/** The store's side of the data report, of purges and of holds. */
export function storeData({ settings, nowMs, writer, reader }: DataAccess): EventStoreData {
  return {
    find: (subject) => reader('find', subject),
    purge: async (subject) => {
      const total = { deleted: 0, held: 0 };
      for (let from: number | undefined = 0; from !== undefined;) {
        const slice: { deleted: number; held: number; next?: number } = await writer('purge', subject, from);
        total.deleted += slice.deleted;
        total.held += slice.held;
        from = slice.next;
      }
      if (total.deleted > 0) await writer('checkpoint');
      return total;
    },
    hold: (subject, reason) => writer('hold', subject, reason, new Date(nowMs()).toISOString()),
    release: (id) => writer('release', id),
    report: async () => {
      const { retentionDays, storeMib, fieldPolicy } = settings();
      const report = await reader('report', { retentionDays, storeMib });
      const days = { default: retentionDays.default, ...retentionDays.types };
      return { ...report, policy: { retentionDays: days, fields: fieldPolicy.map(fieldRuleText) } };
    },
  };
}
