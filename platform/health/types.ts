import type { Site } from '../kernel/index.ts';

export type Severity = 'ok' | 'info' | 'warning' | 'error';

/** One finding of `bulkhead doctor`: data, not a log line. */
export interface Check {
  /** Stable, e.g. `cipher`. */
  code: string;
  title: string;
  /** `error`: the sensor cannot run so. `warning`: it runs, but weaker. `info`: good to know. */
  severity: Severity;
  /** What was found and what it means. */
  text: string;
  /** What to do. */
  hint?: string;
}

/** What a check returns; the doctor adds its code and title. */
export type Finding = Omit<Check, 'code' | 'title'> & { title?: string };

/** What the network room's probe of the kernel tells; `undefined` = it works, else why not. */
export interface PacketPathFacts {
  veth: string | undefined;
  nftIngress: string | undefined;
  nftEgress: string | undefined;
  nftActive: string | undefined;
  bridge: string | undefined;
  vlan: string | undefined;
  tcMirred: string | undefined;
  bpffs: string | undefined;
  xdpFanout: string | undefined;
}

/** What the doctor looks at. Facts of other rooms come as functions; without one, its check says `info`. */
export interface DoctorParts {
  site: Site;
  /** Devices of monitor interfaces, to look at their offloads. */
  monitorDevices?: readonly string[];
  /** network: what the kernel can do for the packet paths. */
  probePacketPath?: () => Promise<PacketPathFacts>;
  /** runtime: overlaps of LXD's id ranges with other users of subuid/subgid, in words. */
  idCollisions?: () => Promise<readonly string[]>;
  /** Findings that other rooms already have as data, e.g. storage's warnings; shown after all checks. */
  more?: () => Promise<readonly Check[]>;
}

/** One look at the machine. Lives in a file of its own below `checks/`. */
export interface HealthCheck {
  readonly code: string;
  readonly title: string;
  /** Changes nothing. May throw: the doctor reports it. Should end when the signal says so. */
  run(parts: DoctorParts, signal: AbortSignal): Promise<Finding | Finding[]>;
}
