import type { FieldRule } from '../../contracts/index.ts';
import { compileFieldPolicy, type FieldPolicy } from '../field-policy.ts';
import type { DataHold, DataSubject, EventStoreReport, FoundData } from './data.ts';
import { openForReading } from './database.ts';
import { exportRow, type ExportFormat } from './export-rows.ts';
import { planSearch, type SearchFilter } from './filter.ts';
import { histogram, type Histogram } from './histogram.ts';
import type { Keeping } from './maintain.ts';
import { storeReport } from './report.ts';
import { searchPage, type SearchPage } from './search.ts';
import { findSubject, listHolds } from './subjects.ts';

/** Of one part of an export. */
const EXPORT_EVENTS = 500;

/** What the reading thread answers. Nothing here writes. */
export function openReader(options: { dir: string; nativeBinding: string | undefined }) {
  const db = openForReading(options.dir, options.nativeBinding);
  let policy: FieldPolicy = compileFieldPolicy([], 'export', Buffer.alloc(0));
  return {
    configure: (rules: readonly FieldRule[], secret: Uint8Array): void => {
      policy = compileFieldPolicy(rules, 'export', secret);
    },
    search: (
      filter: SearchFilter,
      page: { limit: number; cursor?: string | undefined; budgetMs: number },
    ): SearchPage => searchPage(db, planSearch(filter), page),
    histogram: (
      filter: SearchFilter,
      options: { buckets: number; by: 'type' | 'severity'; budgetMs: number },
    ): Histogram => histogram(db, planSearch(filter), options),
    /** The next part of an export, newest first, as it is written; without `cursor` in the answer it was the last. */
    exportPart: (filter: SearchFilter, format: ExportFormat, cursor: string | undefined) => {
      const page = searchPage(db, planSearch(filter), { limit: EXPORT_EVENTS, cursor, budgetMs: 250 });
      return {
        text: page.events.map((event) => exportRow(event, format, policy)).join(''),
        events: page.events.length,
        ...(page.cursor === undefined ? {} : { cursor: page.cursor }),
      };
    },
    find: (subject: DataSubject): FoundData => findSubject(db, subject),
    holds: (): DataHold[] => listHolds(db),
    report: (keeping: Keeping): Omit<EventStoreReport, 'policy'> => storeReport(db, keeping),
    close: (): void => {
      db.close();
    },
  };
}
export type Reader = ReturnType<typeof openReader>;
