export { Hub, type HubOptions } from './hub/hub.ts';
export type { HubClients } from './hub/hub-connections.ts';
export { HUB_NAMES, hubConfig, type HubCluster, type HubConfigInput } from './hub/hub-config.ts';
