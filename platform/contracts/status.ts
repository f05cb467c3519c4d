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
  config: { path: string; digest: string; loadedAt: string; lastError?: string };
  bus: { up: boolean; version?: string; encrypted: boolean; restarts: number };
  monitors: MonitorStatus[];
  instruments: InstrumentStatus[];
  counts: { events: number; alerts: number; checksPassed: number; checksMissed: number };
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
  counters: Readonly<Record<string, number>>;
}
