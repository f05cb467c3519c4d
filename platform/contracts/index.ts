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
export { LimitsSchema, ManifestSchema, type Limits, type Manifest } from './manifest.ts';
export {
  GrantsSchema,
  SensorConfigSchema,
  type Grants,
  type InstrumentConfig,
  type MonitorInterfaceConfig,
  type SensorConfig,
} from './sensor-config.ts';
export {
  DETECTION_CHECK,
  EVENT_HEADERS,
  PLATFORM,
  type PlatformEventType,
  type StoredEvent,
} from './events.ts';
export { ERROR_CATALOGUE, type CatalogueEntry } from './error-catalogue.ts';
export type { InstrumentStatus, MonitorStatus, PacketCounts, SensorStatus } from './status.ts';
