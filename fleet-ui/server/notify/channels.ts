import { randomBytes } from 'node:crypto';
import type { ChannelChange, ChannelView } from '@bulkhead/fleet-api';
import { BulkheadError } from '@bulkhead/platform/kernel';
import type { Database } from 'better-sqlite3';
import { splitTarget, type ChannelSettings, type Secrets } from './channel-target.ts';
import { emptyOutbox, Outbox, type OutboxState } from './outbox.ts';

/** Seals what is secret; of `people`, with a key of ours. */
export interface SecretSeal {
  seal(value: unknown): string;
  /** undefined: sealed with another key, or changed */
  open(sealed: string): unknown;
}

/** How a channel fares. */
interface Health {
  sent: number;
  success: number | null;
  answer: string | null;
  error_at: number | null;
  error: string | null;
}

interface Row extends Health {
  id: string;
  settings: string;
  sealed: string | null;
  outbox: string;
}

export interface Channel {
  readonly id: string;
  settings: ChannelSettings;
  /** null: they cannot be read any more. */
  secrets: Secrets | null;
  outbox: Outbox;
  health: Health;
}

const CHANNELS_MOST = 20;
const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';

/** `n_` and 16 base32 characters: of channels and of messages. */
export function notifyId(): string {
  return `n_${[...randomBytes(16)].map((byte) => BASE32.charAt(byte & 31)).join('')}`;
}

/**
 * The channels, and how each fares. What is secret is sealed in the database and readable in memory only, and in no view.
 */
export class Channels {
  readonly #db: Database;
  readonly #seal: SecretSeal;
  readonly #all = new Map<string, Channel>();

  constructor(db: Database, seal: SecretSeal, nowMs: number) {
    this.#db = db;
    this.#seal = seal;
    const rows = db.prepare<[], Row>('SELECT * FROM notify_channels ORDER BY created, id').all();
    for (const row of rows) {
      const settings = JSON.parse(row.settings) as ChannelSettings;
      const { id, sent, success, answer, error_at, error } = row;
      const secrets = this.#open(id, row.sealed);
      const outbox = new Outbox(JSON.parse(row.outbox) as OutboxState, settings, nowMs);
      this.#all.set(id, {
        id,
        settings,
        secrets,
        outbox,
        health: { sent, success, answer, error_at, error },
      });
    }
  }

  get all(): Channel[] {
    return [...this.#all.values()];
  }

  find(id: string): Channel | undefined {
    return this.#all.get(id);
  }

  /** @throws BulkheadError FLEET_NOTIFY_CHANNEL_UNKNOWN */
  get(id: string): Channel {
    const channel = this.#all.get(id);
    if (channel !== undefined) return channel;
    throw new BulkheadError({
      code: 'FLEET_NOTIFY_CHANNEL_UNKNOWN',
      message: `There is no channel ${id}.`,
      fields: { channel: id },
    });
  }

  /** @throws BulkheadError FLEET_NOTIFY_CHANNELS_FULL and what a destination can be refused for */
  add(change: ChannelChange, nowMs: number): Channel {
    if (this.#all.size >= CHANNELS_MOST) {
      throw new BulkheadError({
        code: 'FLEET_NOTIFY_CHANNELS_FULL',
        message: `There are ${String(this.#all.size)} channels.`,
      });
    }
    const { target, secrets } = splitTarget(change.target);
    const id = notifyId();
    const settings = { ...change, target };
    const channel: Channel = {
      ...{ id, settings, secrets },
      outbox: new Outbox(emptyOutbox(), settings, nowMs),
      health: { sent: 0, success: null, answer: null, error_at: null, error: null },
    };
    this.#db
      .prepare('INSERT INTO notify_channels (id, settings, sealed, created, outbox) VALUES (?, ?, ?, ?, ?)')
      .run(id, JSON.stringify(settings), this.#sealed(id, secrets), nowMs, JSON.stringify(emptyOutbox()));
    this.#all.set(id, channel);
    return channel;
  }

  /** What waits stays, if the channel stays what it was; one that is switched off forgets it. */
  change(id: string, change: ChannelChange, nowMs: number): Channel {
    const channel = this.get(id);
    const before = { target: channel.settings.target, secrets: channel.secrets ?? {} };
    const { target, secrets } = splitTarget(change.target, before);
    channel.settings = { ...change, target };
    channel.secrets = secrets;
    if (change.enabled) channel.outbox.pace = change;
    else channel.outbox = new Outbox(emptyOutbox(), change, nowMs);
    // What failed before says nothing of the channel as it is now.
    channel.outbox.retryNow();
    channel.health.error = null;
    channel.health.error_at = null;
    this.#db
      .prepare('UPDATE notify_channels SET settings = ?, sealed = ? WHERE id = ?')
      .run(JSON.stringify(channel.settings), this.#sealed(id, secrets), id);
    this.keep(channel);
    return channel;
  }

  remove(id: string): Channel {
    const channel = this.get(id);
    this.#db.prepare('DELETE FROM notify_channels WHERE id = ?').run(id);
    this.#all.delete(id);
    return channel;
  }

  /** Writes down what waits and how it fares. */
  keep({ id, outbox, health }: Channel): void {
    const { sent, success, answer, error_at, error } = health;
    this.#db
      .prepare(
        'UPDATE notify_channels SET outbox = ?, sent = ?, success = ?, answer = ?, error_at = ?, error = ? WHERE id = ?',
      )
      .run(JSON.stringify(outbox.state), sent, success, answer, error_at, error, id);
  }

  #sealed(id: string, secrets: Secrets): string | null {
    return Object.keys(secrets).length === 0 ? null : this.#seal.seal({ channel: id, secrets });
  }

  #open(id: string, sealed: string | null): Secrets | null {
    if (sealed === null) return {};
    const found = this.#seal.open(sealed) as { channel: string; secrets: Secrets } | undefined;
    // What was sealed for one channel is of no use in another's place.
    return found?.channel === id ? found.secrets : null;
  }
}

/** As it is shown: no secret is in it. */
export function channelView({ id, settings, secrets, outbox, health }: Channel): ChannelView {
  const time = (ms: number | null | undefined) =>
    ms === null || ms === undefined ? undefined : new Date(ms).toISOString();
  const { nextTryMs } = outbox;
  return {
    ...{ id, ...settings },
    secretsLost: secrets === null,
    health: {
      sent: health.sent,
      lastSuccessAt: time(health.success),
      lastAnswer: health.answer ?? undefined,
      lastErrorAt: time(health.error_at),
      lastError: health.error ?? undefined,
      failures: outbox.failures,
      nextTryAt: time(nextTryMs),
      waiting: outbox.waiting,
      leftOut: outbox.leftOut,
    },
  };
}
