export {
  Network,
  openNetwork,
  type CaptureLinks,
  type LedgerCounters,
  type MirrorPort,
  type PortName,
} from './network.ts';
export type { DeviceVerdict } from './device-check.ts';
export type { FanoutPort } from './fan-out-plan.ts';
export type { FanoutResult } from './fan-out.ts';
export type { GuardState, NetworkState } from './inspect.ts';
export type { Loss, MonitorLedger } from './ledger-math.ts';
export type { AttachResult } from './monitor.ts';
export { probeKernel, type NetworkFacts } from './probe-kernel.ts';
