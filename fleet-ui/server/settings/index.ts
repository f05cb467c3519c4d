export {
  BACKUP_NOTE_FILE,
  fleetSettings,
  type BackupNote,
  type FleetSettings,
  type SettingsParts,
} from './feature.ts';
export { SETTINGS_MIGRATIONS } from './schema.ts';
