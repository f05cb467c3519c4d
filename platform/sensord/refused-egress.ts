import type { ActivePortState } from '../network/index.ts';

/** One destination of one interface is told at most this often; all together at most so many a minute. */
const AGAIN_MS = 60_000;
const MOST_A_MINUTE = 20;
/** Destinations that are remembered; beyond that the oldest are forgotten, and may be told once more. */
const MOST_KNOWN = 4_096;

/** What the event `egress.refused` says. `count`: packets since the last time that it was told. */
export interface RefusedRecord extends Record<string, unknown> {
  instrument: string;
  interface: string;
  destination: string;
  port: number;
  protocol: string;
  count: number;
}

/** Turns counters of refused destinations into events, few enough that an instrument cannot flood the store with them. */
export class RefusedEgress {
  readonly #tell: (record: RefusedRecord) => void;
  readonly #now: () => number;
  readonly #known = new Map<string, { packets: number; told: number; toldMs: number }>();
  #minute = 0;
  #inMinute = 0;

  constructor(tell: (record: RefusedRecord) => void, now: () => number = Date.now) {
    this.#tell = tell;
    this.#now = now;
  }

  /** Takes the counters as they are now. */
  take(ports: readonly Pick<ActivePortState, 'instrument' | 'port' | 'refusedDestinations'>[]): void {
    for (const { instrument, port: name, refusedDestinations } of ports) {
      for (const { address, protocol, port, packets } of refusedDestinations) {
        const key = `${instrument}/${name}/${protocol}/${address}/${String(port)}`;
        const known = this.#known.get(key) ?? { packets: 0, told: 0, toldMs: 0 };
        // A counter that is smaller than before began anew.
        const told = packets < known.packets ? 0 : known.told;
        const isDue = packets > told && this.#now() - known.toldMs >= AGAIN_MS && this.#mayTell();
        if (isDue) {
          const count = packets - told;
          this.#tell({ instrument, interface: name, destination: address, port, protocol, count });
        }
        this.#known.delete(key);
        this.#known.set(
          key,
          isDue ? { packets, told: packets, toldMs: this.#now() } : { ...known, packets, told },
        );
      }
    }
    for (const key of [...this.#known.keys()].slice(0, Math.max(0, this.#known.size - MOST_KNOWN)))
      this.#known.delete(key);
  }

  #mayTell(): boolean {
    const minute = Math.floor(this.#now() / 60_000);
    if (minute !== this.#minute) this.#inMinute = 0;
    this.#minute = minute;
    this.#inMinute += 1;
    return this.#inMinute <= MOST_A_MINUTE;
  }
}
