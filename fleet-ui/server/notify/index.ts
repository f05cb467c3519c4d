export { NOTIFY_FOLDER, notifyFeature, sealKey, type AlertSource } from './feature.ts';
export type { NotifierParts } from './notifier.ts';
export { NOTIFY_MIGRATIONS } from './schema.ts';
