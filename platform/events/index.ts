export {
  decodeMessage,
  DECODE_LIMITS,
  type DecodeFault,
  type FaultReason,
  type PackedMessage,
} from './decode.ts';
export { describeAlert, describeEvent, isAtLeast, severityOf, type Severity } from './describe.ts';
export {
  openEventQuery,
  type EventCounts,
  type EventQuery,
  type EventQueryFilter,
  type EventSource,
} from './query.ts';
export type {
  DataHold,
  DataSubject,
  EventStoreData,
  EventStoreReport,
  FoundData,
  StoredType,
} from './store/data.ts';
export { compileFieldPolicy, fieldRuleText, type FieldPolicy } from './field-policy.ts';
export { EventStore, type EventStoreOptions, type UpkeepResult } from './store/event-store.ts';
export type { ClockReading } from './store/clock.ts';
export { CSV_COLUMNS, csvCell, type ExportFormat } from './store/export-rows.ts';
export { SearchFilterSchema, type SearchFilter } from './store/filter.ts';
export type { Histogram } from './store/histogram.ts';
export type { IncomingMessage } from './store/insert.ts';
export type { SearchPage } from './store/search.ts';
export { WORKER_FILE } from './store/thread.ts';
export { StreamsToStore, type StreamSource } from './store/stream-feed.ts';
export { fillingUp, type StreamFacts } from './store/trimming.ts';
