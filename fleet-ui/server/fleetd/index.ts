export { fleetd } from './main.ts';
export { parseConfig, readConfig, type FleetConfig } from './config.ts';
export { startFleet, type FleetService } from './service.ts';
export { fleetNames, type FleetNames } from './names.ts';
export { describeFleet } from './describe.ts';
