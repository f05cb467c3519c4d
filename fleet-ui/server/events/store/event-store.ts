import type {
  EventFacets,
  EventFilter,
  EventHistogram,
  EventMark,
  EventPage,
  FleetEvent,
  OpenAlerts,
  Occurrences,
  SuppressionPreview,
} from '@bulkhead/fleet-api';
import type { AssetLabelRow } from './assets.ts';
import type { AssetQuestion, StoredAsset, StoredAssets } from './asset-search.ts';
import type { Inserted } from './insert.ts';
import type { MarkChange } from './marks.ts';
import type { IncomingMessage } from './message.ts';
import type { OccurrencesAsked } from './occurrences.ts';
import type { PreviewAsked } from './preview.ts';
import type { Question, StoreReport } from './reader.ts';
import type { Upkeep } from './upkeep.ts';

export type { EventFilter };

/**
 * Where the fleet keeps events, and who searches them. The one below this interface is SQLite on the fleet's own disk; the
 * README says which engines can stand here when that is not enough.
 *
 * Every question is given the sensors that the asker may see: the store never shows more. All methods throw BulkheadError
 * FLEET_EVENTS_STORE_UNAVAILABLE while it cannot answer.
 */
export interface FleetEventStore {
  /**
   * Stores messages, each once, whatever is given again: resolves when all are durable, or nothing of them was stored.
   * A message is recognised by sensor, stream (with when it was made) and sequence.
   */
  insert(messages: readonly IncomingMessage[]): Promise<Inserted>;
  /** The newest first. @throws BulkheadError FLEET_EVENTS_FILTER_INVALID, FLEET_EVENTS_CURSOR_INVALID */
  search(question: Question, page: { limit: number; cursor?: string | undefined }): Promise<EventPage>;
  histogram(question: Question, how: { buckets: number; by: EventHistogram['by'] }): Promise<EventHistogram>;
  facets(question: Question, how: { limit: number }): Promise<EventFacets>;
  /** Of alerts, those that nobody has dealt with and nothing suppresses, by where they came from. */
  openAlerts(question: Question): Promise<OpenAlerts>;
  /** One event by its id, whoever asks: the caller judges by its sensor. */
  event(id: string): Promise<FleetEvent | undefined>;
  /** How often and where a signature was seen. */
  occurrences(asked: OccurrencesAsked): Promise<Occurrences>;
  /** What a suppression would have hidden; within a bounded time. @throws BulkheadError FLEET_EVENTS_FILTER_INVALID */
  preview(asked: PreviewAsked): Promise<SuppressionPreview>;
  mark(id: string, change: MarkChange): Promise<EventMark>;
  /** Addresses that the events of sensors speak of. */
  assets(question: AssetQuestion): Promise<StoredAssets>;
  /** What is known of one; whoever asks: the caller judges by its sensor. */
  asset(sensor: string, address: string): Promise<StoredAsset | undefined>;
  /** Is told what people say of addresses: of all there are, or of these alone (without any word: the label is gone). */
  labelAssets(labels: readonly AssetLabelRow[], isAll: boolean): Promise<void>;
  /** Sensors of which anything ever came. */
  sensors(): Promise<string[]>;
  report(): Promise<StoreReport>;
  /** One round of upkeep; to be called every half minute or so. */
  upkeep(): Promise<Upkeep>;
  /** A person confirms that the fleet was off for as long as its clock says: ages catch up. */
  believeClock(): Promise<void>;
  /** A consistent copy as one file, for a backup. */
  copyTo(file: string): Promise<void>;
  close(): Promise<void>;
}
