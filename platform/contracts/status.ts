/** What `bulkhead status --json` prints and `GET /v1/status` answers. Additive changes only. */
export interface SensorStatus {
  sensor: string;
  version: string;
  /** Of the parts that run: `node`, `lxd`, `nats-server`, `kernel`, and each image's tool as Debian names its package. */
  versions: Record<string, string>;
  /** ISO 8601. */
  startedAt: string;
  /** True when everything that the configuration asks for runs, sees and reports. */
  healthy: boolean;
  /** What needs attention, in words, most urgent first. */
  attention: string[];
  config: {
    path: string;
    digest: string;
    loadedAt: string;
    /** The newest change that was refused or rolled back, until one succeeds. */
    lastError?: string;
    /** What is in force; `time` is ISO 8601. */
    revision?: { number: number; author: string; reason: string; time: string };
    /** The revision that is being brought in force right now. */
    trying?: number;
  };
  bus: { up: boolean; version?: string; encrypted: boolean; restarts: number };
  monitors: MonitorStatus[];
  instruments: InstrumentStatus[];
  counts: { events: number; alerts: number; checksPassed: number; checksMissed: number };
  /** The machine; absent until it was looked at. */
  host?: HostStatus;
  /** Encrypted volumes of instruments. */
  volumes?: VolumeStatus[];
}

/** Processors, memory and disks of the machine, as of the last quarter of a minute. */
export interface HostStatus {
  cpus: number;
  /** Load average of one minute. */
  load1: number;
  memoryBytes: number;
  /** That programs could have without swapping. */
  memoryFreeBytes: number;
  /** Filesystems that the sensor writes to; each once. */
  disks: { what: string; totalBytes: number; freeBytes: number }[];
}

export interface VolumeStatus {
  name: string;
  state: 'absent' | 'locked' | 'unlocked';
  sizeBytes: number;
  usedBytes: number;
}

/** What an instrument's container takes, beside what it may take. */
export interface UseStatus {
  /** Without what the kernel can drop at once. */
  memoryBytes: number;
  memoryLimitBytes: number;
  /** Mean of the last quarter of a minute; absent at the first look. */
  cpuCores?: number;
  cpuLimitCores: number;
  processes: number;
  processesLimit: number;
}

/** One monitor interface with its detection check and its packets. */
export interface MonitorStatus {
  name: string;
  device: string;
  state: 'watching' | 'down';
  check: {
    state: 'pending' | 'ok' | 'missed' | 'blind' | 'off';
    lastOk?: string;
    latencyMs?: number;
    text?: string;
  };
  packets: PacketCounts;
  /** What the traffic itself looks like; absent while nobody looks. */
  feed?: FeedStatus;
}

export type FeedAlarmKind = 'silence' | 'rate' | 'one-sided' | 'vlan-missing' | 'duplicates';

/** Something about the traffic is not as expected: most likely a change at the switch. No loss of the sensor's own. */
export interface FeedAlarm {
  kind: FeedAlarmKind;
  /** ISO 8601. */
  since: string;
  observed: string;
  expected: string;
  /** In words, with what to check. */
  text: string;
}

/** The feed of one monitor interface. */
export interface FeedStatus {
  /** `learning`: pinned expectations are judged, usual ones are not known yet. `off`: switched off by the operator. */
  state: 'off' | 'learning' | 'ok' | 'alarm';
  alarms: FeedAlarm[];
  packetsPerSecond?: number;
  /** Usual rate, once learned. */
  usualPacketsPerSecond?: number;
  /** VLANs seen within the last hour, at most 4094. */
  vlans?: number[];
  /** Shares in percent, of what was observed in the last window. */
  oneSidedPercent?: number;
  duplicatePercent?: number;
  /** Why VLANs, conversations and duplicates cannot be judged now. */
  unobserved?: string;
}

/** Packets of one monitor interface from the wire to the tools. */
export interface PacketCounts {
  /** Arrived on the device. */
  received: number;
  /** Handed to the capture engine. */
  forwarded: number;
  /** Came back from the capture engine. */
  captured: number;
  /** Copies made for mirror ports. */
  cloned: number;
  /** Held back by declared filters. */
  filtered: number;
  /** Lost anywhere between device and mirror port since every instrument saw; each place in `lostWhere`. */
  lost: number;
  lostWhere: { stage: string; packets: number }[];
  /** How long ago `lost` grew last, in seconds; absent while nothing is lost. */
  lostAgoS?: number;
  /** Arrived before every instrument saw for the first time, and was not seen by all of them. */
  lostStarting: number;
  /** Frames that something tried to send out of the device, all dropped. */
  transmitAttempts: number;
  /** Frames that left the device: 0, or the guard failed. */
  framesSent: number;
}

export interface InstrumentStatus {
  name: string;
  package: string;
  version: string;
  state: 'running' | 'starting' | 'stopped' | 'waiting' | 'held' | 'disabled' | 'invalid';
  /** What the instrument says of itself. */
  health: 'ok' | 'starting' | 'degraded' | 'failed' | 'unknown';
  detail?: string;
  pid?: number;
  failures: number;
  /**
   * The web page that people may look at: served through a socket that only root may use, or about to be. Absent when it has
   * none, or that is not granted.
   */
  page?: { title: string; state: 'served' | 'opening'; socket: string };
  /** Runs by `bulkhead dev run`: nobody signed or reviewed it, and it goes when that command ends. */
  unverified?: true;
  counters: Readonly<Record<string, number>>;
  /** Since when the rules that it works with have not changed (ISO 8601). Only of those that have rules. */
  rulesSince?: string;
  /** Only while it runs. */
  use?: UseStatus;
}
