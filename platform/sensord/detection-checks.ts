import type { MonitorStatus, PlatformEventType, SensorConfig, StoredEvent } from '../contracts/index.ts';
import { DetectionCheck } from '../health/index.ts';
import type { MonitorLedger } from './rooms.ts';

/** What the checks of a sensor need. */
export interface DetectionChecksParts {
  settings: () => SensorConfig['detectionCheck'];
  /** Names of the monitor interfaces that should be watched. */
  monitors: () => readonly string[];
  inject: (monitor: string, frame: Buffer) => Promise<void>;
  publish: (type: PlatformEventType, record: Record<string, unknown>) => void;
  ledger: () => Promise<readonly MonitorLedger[]>;
  /** Every instrument that should see the check is healthy; the first check waits for that. */
  ready: () => boolean;
}

/** One detection check per monitor interface; follows the configuration. */
export class DetectionChecks {
  readonly #parts: DetectionChecksParts;
  readonly #checks = new Map<string, DetectionCheck>();
  #settings = '';

  constructor(parts: DetectionChecksParts) {
    this.#parts = parts;
  }

  /** Starts checks for new monitor interfaces and ends those of old ones. Call at start and on every new configuration. */
  refresh(): void {
    const settings = this.#parts.settings();
    const digest = JSON.stringify(settings);
    if (digest !== this.#settings) this.stop();
    this.#settings = digest;
    const wanted = settings.enabled ? this.#parts.monitors() : [];
    for (const [monitor, check] of this.#checks) {
      if (wanted.includes(monitor)) continue;
      check.stop();
      this.#checks.delete(monitor);
    }
    for (const monitor of wanted) {
      if (this.#checks.has(monitor)) continue;
      const check = new DetectionCheck({
        monitor,
        intervalS: settings.intervalS,
        timeoutS: settings.timeoutS,
        inject: (frame) => this.#parts.inject(monitor, frame),
        publish: this.#parts.publish,
        counters: async () => (await this.#parts.ledger()).find((ledger) => ledger.monitor === monitor),
        ready: this.#parts.ready,
      });
      this.#checks.set(monitor, check);
      check.start();
    }
  }

  /** Give it every stored event of the check's type. */
  onEvent(event: StoredEvent): void {
    for (const check of this.#checks.values()) check.onEvent(event);
  }

  status(monitor: string): MonitorStatus['check'] {
    return this.#checks.get(monitor)?.status ?? { state: 'off' };
  }

  stop(): void {
    for (const check of this.#checks.values()) check.stop();
    this.#checks.clear();
  }
}
