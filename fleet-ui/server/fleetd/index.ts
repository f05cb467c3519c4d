export { parseConfig, readConfig, type FleetConfig } from './config.ts';
export { startFleet, type FleetService } from './service.ts';
