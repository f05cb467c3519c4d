export type { Bus, EventFeed, EventFilter } from './bus.ts';
export { openBus, type BusOptions } from './open-bus.ts';
export { compileAccounts, type AccountKeys } from './accounts.ts';
export { consumerName, streamName, subjects } from './names.ts';
export { parseBusModel, type BusInstrument, type BusModel } from './model.ts';
export { BUS_LIMITS } from './limits.ts';
export type { BusIdentity } from './identities.ts';
export type { BusMessage, FeedStart } from './event-feed.ts';
export type { StreamState } from './streams.ts';
