import { setTimeout as sleep } from 'node:timers/promises';
import type { EventBatch, EventRecord, ReceivedEvent } from '@bulkhead/sdk';
import { normalAddress } from './addresses.ts';
import { namesOf } from './lookup.ts';
import type { DnsStore } from './store.ts';

/** The answer that named an address often comes in the same moment as the alert; it is given so long to be looked up. */
const SETTLE_MS = 1_300;

/** What naming needs. */
export interface AlertNamesOptions {
  store: DnsStore;
  publish: (record: EventRecord) => Promise<void>;
  namesPerAddress: () => number;
  settleMs?: number;
}

/**
 * Adds to each alert the names of its addresses, as an event of its own: `alert.names`, which cites the alert.
 *
 * INVARIANT: a message of alerts is acknowledged after its names are stored by the bus, and marked in the database, so that one
 * that is delivered again adds nothing. After a crash in between a name event can come twice, with the same `cites`.
 */
export class AlertNames {
  readonly counters = { alerts: 0, named: 0, repeated: 0 };
  readonly #options: AlertNamesOptions;

  constructor(options: AlertNamesOptions) {
    this.#options = options;
  }

  /** Takes one message of alerts; resolves when all that is known about them is published. */
  async take(batch: EventBatch): Promise<void> {
    const { store, settleMs = SETTLE_MS } = this.#options;
    const key = messageKey(batch);
    if (store.knows(key)) {
      this.counters.repeated += 1;
      return;
    }
    await sleep(settleMs);
    if (store.behind) await store.settle();
    await Promise.all(batch.events().map((alert) => this.#name(alert)));
    await store.mark(key);
  }

  async #name(alert: ReceivedEvent): Promise<void> {
    this.counters.alerts += 1;
    const names: Record<string, unknown> = {};
    for (const field of ['src_ip', 'dest_ip'] as const) {
      const value = alert.record[field];
      const address = typeof value === 'string' ? normalAddress(value) : undefined;
      if (address === undefined) continue;
      const known = this.#options.store.look((db) => namesOf(db, address, this.#options.namesPerAddress()));
      if (known.length > 0) names[field] = known;
    }
    if (Object.keys(names).length === 0) return;
    await this.#options.publish({ cites: alert.id, ...names });
    this.counters.named += 1;
  }
}

/** By what a message is known again: its id, or its place in the stream when the sender gave it none. */
export function messageKey({ from, type, id, sequence }: EventBatch): string {
  return `${from}/${type}/${id === '' ? `#${String(sequence)}` : id}`;
}
