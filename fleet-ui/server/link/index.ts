export type { Answer } from './answer.ts';
export { CLOCK_TOLERANCE_MS } from './clock.ts';
export type { Collected } from './collect.ts';
export type { ConfigOutcome, DesiredConfiguration } from './config-waits.ts';
export type { LinkTls } from './door.ts';
export { DEFAULT_LINK_LIMITS, DEFAULT_LINK_TIMES, type LinkLimits, type LinkTimes } from './limits.ts';
export type { Ask, AttachFacts, LinkEvents, Links, RefusedAttach } from './links.ts';
export {
  openLinkServer,
  type Authorise,
  type LinkServer,
  type LinkServerOptions,
  type Renew,
  type Verdict,
} from './server.ts';
export type { TunnelIdentity, TunnelTarget } from './tunnels.ts';
export { linkFeature, type LinkFeatureParts } from './feature.ts';
export { LiveHub, type LiveTelling } from './live.ts';
