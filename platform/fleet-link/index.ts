export type { ApiRequest, SensorApi } from './ask-runner.ts';
export { ALLOWED, type Allowed } from './asks.ts';
export { machineFacts, type HardwareParts } from './hardware.ts';
export type { JoinRequest } from './join.ts';
export { FleetLink, type FleetLinkParts } from './link.ts';
export type { FleetStatus, LinkPhase } from './link-state.ts';
export { reconnectDelayMs, type Pace } from './reconnect.ts';
export type { InstrumentPages } from './tunnels.ts';
