/**
 * What a sensor's own API answers, as far as the web app shows it: `/api/v1/sensors/:id/api/v1/…` hands it through. A sensor
 * may be of the version before or after, so everything that is not certain to be there is optional, and unknown states are text.
 */

/** One monitor interface with its detection check, its packets and its feed. */
export interface SeenMonitor {
  name: string;
  device: string;
  state: string;
  check: { state: string; lastOk?: string; latencyMs?: number; text?: string };
  packets: {
    received: number;
    forwarded: number;
    captured: number;
    cloned: number;
    filtered: number;
    lost: number;
    lostWhere?: { stage: string; packets: number }[];
    /** How long ago `lost` grew last; absent: nothing lost, or a sensor that does not tell. */
    lostAgoS?: number;
    lostStarting?: number;
    transmitAttempts: number;
    framesSent: number;
  };
  feed?: {
    state: string;
    alarms: { kind: string; since: string; observed: string; expected: string; text: string }[];
    packetsPerSecond?: number;
    usualPacketsPerSecond?: number;
    vlans?: number[];
    oneSidedPercent?: number;
    duplicatePercent?: number;
    unobserved?: string;
  };
}

export interface SeenInstrument {
  name: string;
  package: string;
  version: string;
  /** `running`, `starting`, `stopped`, `waiting`, `held`, `disabled`, `invalid`. */
  state: string;
  /** `ok`, `starting`, `degraded`, `failed`, `unknown`. */
  health: string;
  detail?: string;
  failures: number;
  /** Present when it has a page that people may open. */
  page?: { title: string; state: string };
  unverified?: boolean;
  counters: Readonly<Record<string, number>>;
  /** Since when its rules have not changed; only of those that have rules. */
  rulesSince?: string;
  /** What its container takes of its limits; only while it runs. */
  use?: {
    memoryBytes?: number;
    memoryLimitBytes?: number;
    cpuCores?: number;
    cpuLimitCores?: number;
    processes?: number;
    processesLimit?: number;
  };
}

/** `GET /v1/status`. */
export interface SeenStatus {
  sensor: string;
  version: string;
  versions: Readonly<Record<string, string>>;
  startedAt: string;
  healthy: boolean;
  /** In words, most urgent first. */
  attention: string[];
  config: {
    loadedAt: string;
    lastError?: string;
    revision?: { number: number; author: string; reason: string; time: string };
    trying?: number;
  };
  bus: { up: boolean; version?: string; encrypted: boolean; restarts: number };
  monitors: SeenMonitor[];
  instruments: SeenInstrument[];
  counts: { events: number; alerts: number; checksPassed: number; checksMissed: number };
  /** Absent: a sensor of an older version, or not looked at yet. */
  host?: {
    cpus?: number;
    load1?: number;
    memoryBytes?: number;
    memoryFreeBytes?: number;
    disks?: { what: string; totalBytes: number; freeBytes: number }[];
  };
  volumes?: { name: string; state?: string; sizeBytes: number; usedBytes: number }[];
}

/** `GET /v1/instruments/:name/setup`: what an instrument is set to, and what can be set. */
export interface SeenSetup {
  title: string;
  description: string;
  limits: { memoryMib: number; cpuCores: number; processes: number; openFiles: number };
  volumeMib: number;
  options: Readonly<Record<string, unknown>>;
  /** JSON Schema of the options, from the package's manifest. */
  schema?: Readonly<Record<string, unknown>>;
  /** How long each type of its events is kept in the sensor's store. */
  retention: { defaultDays: number; types: { type: string; days: number; own: boolean }[] };
}

/** `GET /v1/downloads`. */
export interface SeenDownloads {
  downloads: {
    id: string;
    for: string;
    name: string;
    approval: string;
    approved?: { url?: string };
    wanted?: { url?: string; why?: string };
    status?: { state: string; bytes?: number; lastTry?: string; lastSuccess?: string; message?: string };
  }[];
}

interface SeenCount {
  packets: number;
  bytes: number;
}

/** An interface on which an instrument may send. */
export interface SeenActivePort {
  instrument: string;
  /** Its name inside the container. */
  port: string;
  /** `dedicated`: a network interface of its own; `bridged`: a port of a bridge. */
  kind?: string;
  device: string;
  vlan?: number;
  mac?: string;
  addresses: string[];
  up: boolean;
  /** Why it is down, in words. */
  faults?: string[];
  counts: {
    sent: SeenCount;
    received: SeenCount;
    /** Dropped on the way out: to where it may not send, with an address that is not its own, of a protocol that does not pass. */
    refused: SeenCount;
    spoofed?: SeenCount;
    protocol?: SeenCount;
    /** Dropped on the way in: from where it may not reach. */
    unwanted?: SeenCount;
  };
}

/** `GET /v1/active`: ports through which instruments may send. */
export interface SeenActive {
  ports: SeenActivePort[];
}

/** One stage of the way from the wire to the store: `in = out + held + lost + unaccounted`. */
export interface SeenLedgerLine {
  stage: string;
  /** Monitor interface, or instrument, or `<instrument>/<interface>`. */
  name: string;
  monitor?: string;
  unit: string;
  in: number;
  out: number;
  held: Readonly<Record<string, number>>;
  lost: Readonly<Record<string, number>>;
  /** How long ago it became more; absent: nothing lost, or a sensor that does not tell. */
  lostAgoS?: number;
  /** How much of it is from before every instrument saw. */
  lostStarting?: number;
  unaccounted: number;
  note?: string;
}

/** `GET /v1/ledger`. */
export interface SeenLedger {
  from: string;
  to: string;
  shortened: boolean;
  lines: SeenLedgerLine[];
  alarms: { stage: string; name: string; monitor?: string; since: string; percent: number; text: string }[];
}

/** One right of an instrument, in words. */
export interface SeenGrant {
  right: string;
  words: string;
  state: 'granted' | 'asked' | 'ineffective';
  since?: { revision: number; author: string; time: string; reason: string };
  note?: string;
}

export interface SeenInstrumentGrants {
  instrument: string;
  package: string;
  problem?: string;
  rights: SeenGrant[];
  unanswered: string[];
  accepts: string[];
  effect: { state: string; reason?: string };
}

/** `GET /v1/grants`. */
export interface SeenGrants {
  revision: number;
  instruments: SeenInstrumentGrants[];
}

/** `GET /v1/grants/matrix`: every way on which something may pass; what is not listed is refused. */
export interface SeenMatrix {
  revision: number;
  instruments: string[];
  edges: { from: string; to: string; kind: string; what: string; idle?: string }[];
}

/** One revision of a sensor's configuration, without its text. */
export interface SeenRevision {
  number: number;
  author: string;
  reason: string;
  time: string;
  /** `file`, `apply`, `rollback`. */
  origin: string;
  basedOn?: number;
  restores?: number;
  result?: { state: string; time: string; error?: string; rolledBackTo?: number };
}

/** `GET /v1/config/revisions`. */
export interface SeenRevisions {
  current?: number;
  revisions: SeenRevision[];
}

/** One copy of data on a sensor. */
export interface SeenDataCopy {
  copy: string;
  kind: string;
  what: string;
  where: string;
  holder: string;
  limitBytes?: number;
  measured?: { records?: number; bytes?: number; oldest?: string; newest?: string };
  declared?: { records?: number; bytes?: number; oldest?: string; newest?: string };
  policy: { days?: number; text: string };
  readers: string[];
  goesTo: string[];
  faults?: string[];
}

/** `GET /v1/data/report`. */
export interface SeenDataReport {
  time: string;
  clockDoubt?: string;
  copies: SeenDataCopy[];
  unanswered: { source: string; error: string }[];
  holds: number;
  attention: string[];
}
