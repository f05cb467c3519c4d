import type {
  EventFacets,
  EventFilter,
  EventHistogram,
  EventPage,
  FleetEvent,
  Occurrences,
  OpenAlerts,
  SuppressionPreview,
} from '@bulkhead/fleet-api';
import { countAll } from './counts.ts';
import { addressHex } from '@bulkhead/platform/kernel';
import {
  findAsset,
  prepareAssetSearch,
  searchAssets,
  type AssetQuestion,
  type StoredAsset,
  type StoredAssets,
} from './asset-search.ts';
import { openForReading, extentOf, IDS_PER_MS, usedBytes } from './database.ts';
import { facets } from './facets.ts';
import { planSearch } from './filter.ts';
import { histogram } from './histogram.ts';
import { withMarks } from './marks.ts';
import { openAlerts } from './open-alerts.ts';
import { occurrences, type OccurrencesAsked } from './occurrences.ts';
import { idNumber, PackReader } from './packs.ts';
import { previewOf, type PreviewAsked } from './preview.ts';
import { searchPage } from './search.ts';
import type { ActingRule } from './suppress.ts';

/** What a question is about, and whose events may be in the answer; undefined: all sensors'. */
export interface Question {
  filter: EventFilter;
  sensors: readonly string[] | undefined;
  /** Suppressions that act now. */
  suppressions?: readonly ActingRule[] | undefined;
}

/** What the store holds. */
export interface StoreReport {
  records: number;
  bytes: number;
  oldestMs: number | undefined;
  newestMs: number | undefined;
  dropped: Record<string, number>;
  sensors: {
    sensor: string;
    /** Records that ever came. */
    records: number;
    newestMs: number;
    holes: number;
    /** Of the oldest hole; ms. */
    holeSince: number | undefined;
    droppedBySensor: number;
  }[];
}

/** What the reading thread answers. Nothing here writes. */
export function openReader(options: { dir: string; nativeBinding: string | undefined }) {
  const db = openForReading(options.dir, options.nativeBinding);
  prepareAssetSearch(db);
  const plan = ({ filter, sensors, suppressions }: Question) => planSearch(filter, sensors, suppressions);
  return {
    search: (
      question: Question,
      page: { limit: number; cursor?: string | undefined; budgetMs: number },
    ): EventPage => searchPage(db, plan(question), page),
    histogram: (
      question: Question,
      how: { buckets: number; by: EventHistogram['by']; budgetMs: number },
    ): EventHistogram => histogram(db, plan(question), how),
    facets: (question: Question, how: { limit: number; budgetMs: number }): EventFacets =>
      facets(db, plan(question), how),
    openAlerts: (question: Question, budgetMs: number): OpenAlerts =>
      openAlerts(db, plan(question), budgetMs),
    event: (id: string): FleetEvent | undefined => {
      const number = idNumber(id);
      const event = Number.isNaN(number) ? undefined : new PackReader(db).event(number);
      return event === undefined ? undefined : withMarks(db, [event])[0];
    },
    occurrences: (asked: OccurrencesAsked): Occurrences => occurrences(db, asked),
    preview: (asked: PreviewAsked & { budgetMs: number }): SuppressionPreview => previewOf(db, asked),
    assets: (question: AssetQuestion & { budgetMs: number }): StoredAssets => searchAssets(db, question),
    asset: (sensor: string, address: string): StoredAsset | undefined => {
      const hex = addressHex(address);
      return hex === undefined ? undefined : findAsset(db, sensor, hex);
    },
    /** Sensors of which anything ever came. */
    sensors: (): string[] => db.prepare('SELECT sensor FROM sensor_facts').pluck().all() as string[],
    report: (): StoreReport => {
      const { oldest, newest } = extentOf(db);
      const dropped = db.prepare('SELECT reason, n FROM dropped').all() as { reason: string; n: number }[];
      const sensors = db
        .prepare(
          'SELECT f.sensor, f.records, f.newest AS newestMs, f.dropped AS droppedBySensor, count(h.stream) AS holes, ' +
            'min(h.since) AS since FROM sensor_facts f LEFT JOIN streams s ON s.sensor = f.sensor ' +
            'LEFT JOIN holes h ON h.stream = s.n GROUP BY f.sensor ORDER BY f.sensor',
        )
        .all() as (Omit<StoreReport['sensors'][number], 'holeSince'> & { since: number | null })[];
      return {
        records: countAll(db),
        bytes: usedBytes(db),
        oldestMs: oldest === 0 ? undefined : Math.floor(oldest / IDS_PER_MS),
        newestMs: newest === 0 ? undefined : Math.floor(newest / IDS_PER_MS),
        dropped: Object.fromEntries(dropped.map(({ reason, n }) => [reason, n])),
        sensors: sensors.map(({ since, ...facts }) => ({ ...facts, holeSince: since ?? undefined })),
      };
    },
    close: (): void => {
      db.close();
    },
  };
}
export type Reader = ReturnType<typeof openReader>;
