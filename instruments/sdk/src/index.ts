export { InstrumentError, type InstrumentErrorCode } from './errors.ts';
export { openInstrument } from './open.ts';
export { readStaticFiles, type StaticFile } from './static-files.ts';
export { type InstrumentFile, parseInstrumentFile } from './instrument-file.ts';
export { type InstrumentLog } from './log.ts';
export type { InstrumentRights, OnRights, RightsAnswer, RightsChange } from './live-rights.ts';
export { type Command, defineCommand } from './typed-command.ts';
export { LIMITS, PROTOCOL_VERSION } from './protocol.ts';
export * from './messages/downloads.ts';
export * from './messages/rulesets.ts';
export type { DataHandlers, DataSubject, FoundRecords, KeptCopy } from './data-handlers.ts';
export type {
  ChangeReply,
  EventBatch,
  EventRecord,
  EventSubscription,
  Health,
  Instrument,
  OpenOptions,
  PublishCounters,
  ReceivedEvent,
} from './types.ts';
