export {
  Network,
  openNetwork,
  type CaptureLinks,
  type LedgerCounters,
  type MirrorPort,
  type PortName,
} from './network.ts';
export type { ActivePort, ActivePortState } from './active/active.ts';
export type { RefusedDestination } from './active/counters.ts';
export { isName, isNotPublic, type Destination } from './active/ranges.ts';
export { NameResolver, unresolved, type ResolvedAddress } from './active/resolver.ts';
export type { ActivePortName, ActivePortWanted } from './active/record.ts';
export type { DeviceVerdict } from './device-check.ts';
export type { FanoutPort } from './fan-out-plan.ts';
export type { FanoutResult } from './fan-out.ts';
export type { GuardState, NetworkState } from './inspect.ts';
export {
  advance,
  NO_TOTALS,
  TotalsSchema,
  type Loss,
  type MonitorLedger,
  type Totals,
} from './ledger-math.ts';
export { packetLines, type PortOwner } from './ledger-lines.ts';
export {
  deliveredTo,
  GAUGES,
  publishLines,
  storeLines,
  streamLines,
  toolLines,
  type InstrumentCounts,
  type StoreCounts,
} from './ledger-events.ts';
export { linesBetween, remember, snapshotBefore, SnapshotSchema, type Snapshot } from './ledger-history.ts';
export { agedBy, LossAgesSchema, withAge, type LossAges } from './ledger-ages.ts';
export { LossWatch, type LossChange } from './ledger-watch.ts';
export type { AttachResult } from './monitor.ts';
export { probeKernel, type NetworkFacts } from './probe-kernel.ts';
