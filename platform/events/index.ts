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
