export { refusedBy } from './attention.ts';
export { sensorsFeature } from './feature.ts';
export { effectiveConfig, type EffectiveConfig, type Overridden } from './effective-config.ts';
export type { Json, JsonObject, Layer } from './layers.ts';
export type { Actor, AttachedSensor, Audit, ConfigResultOf, SensorLinks } from './ports.ts';
export { SENSORS_AFTER_RESTORE, SENSORS_MIGRATIONS } from './schema.ts';
export { Sensors, type SensorsOptions } from './sensors.ts';
