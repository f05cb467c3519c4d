export {
  CapabilitySchema,
  CommandNameSchema,
  DeviceSchema,
  EventTypeSchema,
  MirrorFilterSchema,
  NameSchema,
  RESERVED_NAMES,
  type MirrorFilter,
} from './names.ts';
export {
  DownloadAskSchema,
  DownloadGrantSchema,
  EgressGrantSchema,
  HostSchema,
  ResourceNameSchema,
  type DownloadAsk,
  type DownloadGrant,
  type EgressAsk,
  type EgressGrant,
} from './egress.ts';
export type { ActiveCount, ActivePortReport, ActiveReport } from './active.ts';
export { AsksSchema, LimitsSchema, ManifestSchema, type Limits, type Manifest } from './manifest.ts';
export {
  ActiveWiringSchema,
  GrantsSchema,
  SensorConfigSchema,
  type ActiveInterfaceConfig,
  type ActiveWiring,
  type Grants,
  type InstrumentConfig,
  FeedSettingsSchema,
  LedgerSettingsSchema,
  type FeedSettings,
  type LedgerSettings,
  type MonitorInterfaceConfig,
  type SensorConfig,
} from './sensor-config.ts';
export {
  EventsConfigSchema,
  FieldRuleSchema,
  UplinkConfigSchema,
  type EventsConfig,
  type FieldRule,
  type UplinkConfig,
} from './events-config.ts';
export {
  DETECTION_CHECK,
  EVENT_HEADERS,
  PLATFORM,
  type PlatformEventType,
  type StoredEvent,
} from './events.ts';
export { ERROR_CATALOGUE, type CatalogueEntry } from './error-catalogue.ts';
export type {
  FeedAlarm,
  FeedAlarmKind,
  FeedStatus,
  HostStatus,
  InstrumentStatus,
  MonitorStatus,
  PacketCounts,
  SensorStatus,
  UseStatus,
  VolumeStatus,
} from './status.ts';
export type { LedgerLine, LedgerReport, LedgerStage, LossAlarm } from './ledger.ts';
export { DNS_LOOKUP, PassiveDnsAnswerSchema, type PassiveDnsAnswer, type PassiveDnsRecord } from './dns.ts';
export {
  GrantChangeRequestSchema,
  type GrantChangeRequest,
  type GrantChangeResult,
  type GrantEdge,
  type GrantEffect,
  type GrantEntry,
  type GrantOrigin,
  type GrantsMatrix,
  type GrantsReport,
  type InstrumentGrants,
} from './grants.ts';
export {
  AdoptReplySchema,
  AdoptRequestSchema,
  AdoptionCodeSchema,
  CODE_ALPHABET,
  CaReplySchema,
  ENROLMENT_PATHS,
  FLEET_SERVER_NAME,
  HardwareNicSchema,
  HardwareSchema,
  NonceReplySchema,
  ReturnReplySchema,
  ReturnRequestSchema,
  SensorIdSchema,
  formatJoinToken,
  isLoopbackHost,
  normaliseCode,
  parseJoinToken,
  returnSigningInput,
  sensorUri,
  type AdoptReply,
  type AdoptRequest,
  type CaReply,
  type Hardware,
  type HardwareNic,
  type JoinToken,
  type NonceReply,
  type ReturnReply,
  type ReturnRequest,
} from './fleet-enrolment.ts';
export { UPLINK_HEADERS, UPLINK_INBOX, UPLINK_LIMITS, uplinkSubject, uplinkSubjects } from './uplink.ts';
