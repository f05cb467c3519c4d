export { openWeb, type Web, type WebOptions } from './app.ts';
export { errorReply, statusOf } from './error-replies.ts';
export type { FleetApp, FleetFeature, Guard, HostHandler, Person } from './feature.ts';
export { hostOf } from './request-checks.ts';
export { openServer, SERVER_LIMITS, type ServerLimits, type TlsIdentity } from './server.ts';
