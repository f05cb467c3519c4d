import { setTimeout as sleep } from 'node:timers/promises';
import type { AttentionItem, ChannelTestReply, FleetEvent } from '@bulkhead/fleet-api';
import { BulkheadError, describeError, type Logger } from '@bulkhead/platform/kernel';
import type { Database } from 'better-sqlite3';
import { alertKind, isAlertType } from './alert-kinds.ts';
import { destinationOf } from './channel-target.ts';
import { Channels, notifyId, type Channel, type SecretSeal } from './channels.ts';
import { deliver } from './deliver/deliver.ts';
import { matterOf, type Matter } from './matters.ts';
import { noticeOf, testNotice, type NoticeFrom } from './notice.ts';
import { StandingMatters } from './standing.ts';
import { isAtLeast } from './severity.ts';
import { TestPace } from './test-pace.ts';

/** What notifications need. */
export interface NotifierParts {
  db: Database;
  seal: SecretSeal;
  log: Logger;
  /** Everything that needs attention anywhere. */
  attention: () => readonly AttentionItem[];
  /** Of the fleet, once it listens. */
  from: () => NoticeFrom;
  clock: () => number;
}

/** Of what comes in, as far as is asked before it is read. */
export interface IncomingAlerts {
  sensor: string;
  type: string;
  body: Uint8Array;
}

const TICK_MS = 500;
const LOOK_MS = 5_000;
const KEEP_MS = 5_000;
/** What is read of alerts in a second; a flood beyond that is counted and not read, so that taking events in is not slowed. */
const READ_BYTES_PER_S = 2 * 1024 * 1024;
/** And of one sensor: a flood there does not hide the alerts of the others. */
const READ_BYTES_OF_ONE = READ_BYTES_PER_S / 8;
const NEWLINE = 0x0a;

/**
 * Tells people on their channels what began, became worse and is over, and which alerts came.
 *
 * INVARIANTS: nothing here waits for the other side but `#send`, of which one runs for each channel. What must survive a restart
 * (which matters stand, who was told, what waits) is written with each change of it, at most every few seconds; a message that was
 * under way when fleetd was killed goes once more. What cannot be handed over is tried again, ever later, and shown.
 */
export class Notifier {
  readonly channels: Channels;
  readonly #parts: NotifierParts;
  readonly #standing: StandingMatters;
  readonly #ending = new AbortController();
  readonly #sending = new Map<string, Promise<void>>();
  readonly #changed = new Set<Channel>();
  readonly #tests = new TestPace();
  #running: Promise<void> | undefined;
  #lookedMs = -Infinity;
  #keptMs = -Infinity;
  #standingChanged = false;
  #isKeeping = false;
  /** What was read in this second, of all and of each sensor. */
  #second = { at: 0, bytes: 0, bySensor: new Map<string, number>() };

  constructor(parts: NotifierParts) {
    this.#parts = parts;
    this.channels = new Channels(parts.db, parts.seal, parts.clock());
    const known = parts.db.prepare<[], { matter: string }>('SELECT matter FROM notify_standing').all();
    this.#standing = new StandingMatters(
      known.map(({ matter }) => JSON.parse(matter) as Matter),
      parts.clock(),
    );
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** What is under way is waited for as long as it may take; what waits is kept, also of alerts that come after this. */
  async stop(): Promise<void> {
    this.#ending.abort();
    await this.#running;
    await Promise.all(this.#sending.values());
    this.#keep(this.#parts.clock());
  }

  /** When nothing ticks any more: what came in one message, or in one batch of them, is written once, before the store is closed. */
  #keepWhenEnded(): void {
    if (!this.#ending.signal.aborted || this.#isKeeping) return;
    this.#isKeeping = true;
    queueMicrotask(() => {
      this.#isKeeping = false;
      try {
        this.#keep(this.#parts.clock());
      } catch (error) {
        this.#parts.log.error({ err: error }, 'alerts that came last will not be told');
      }
    });
  }

  /** Is a message worth reading? Asked for each that comes in, so it must be quick. */
  wants({ sensor, type, body }: IncomingAlerts): boolean {
    if (!isAlertType(type)) return false;
    const now = this.#parts.clock();
    const channels = this.channels.all.filter(
      ({ settings }) => settings.enabled && settings.tells.alerts !== null,
    );
    if (channels.length === 0) return false;
    const second = Math.floor(now / 1000);
    if (second !== this.#second.at) this.#second = { at: second, bytes: 0, bySensor: new Map() };
    const { bytes, bySensor } = this.#second;
    const own = bySensor.get(sensor) ?? 0;
    // What came before counts, not the message itself: the first of a second is read, however large it is.
    if (own < READ_BYTES_OF_ONE && bytes < READ_BYTES_PER_S) {
      this.#second.bytes += body.length;
      bySensor.set(sensor, own + body.length);
      return true;
    }
    const missed = linesOf(body);
    for (const channel of channels) {
      channel.outbox.miss(missed, now);
      this.#changed.add(channel);
    }
    this.#keepWhenEnded();
    return false;
  }

  event(event: FleetEvent): void {
    // What somebody has suppressed is kept and counted, and nobody is called for it.
    if (!isAlertType(event.type) || event.suppressed !== undefined) return;
    const now = this.#parts.clock();
    for (const channel of this.channels.all) {
      const { enabled, tells } = channel.settings;
      if (!enabled || tells.alerts === null || !isAtLeast(event.severity, tells.alerts)) continue;
      channel.outbox.alert(alertKind(event), now);
      this.#changed.add(channel);
    }
    this.#keepWhenEnded();
  }

  /**
   * Sends a test now, past what waits.
   * @throws BulkheadError FLEET_NOTIFY_CHANNEL_UNKNOWN, FLEET_NOTIFY_TESTS_LIMITED
   */
  async test(id: string, by: string): Promise<ChannelTestReply> {
    const channel = this.channels.get(id);
    this.#tests.admit(id, this.#parts.clock());
    const began = performance.now();
    let ok = false;
    let answer: string;
    try {
      const notice = testNotice(this.#parts.from(), by, notifyId(), this.#parts.clock());
      ({ answer } = await deliver(channel.settings, channel.secrets, notice));
      ok = true;
    } catch (error) {
      answer = error instanceof BulkheadError ? error.message : describeError(error);
    } finally {
      this.#tests.done(id);
    }
    this.#note(channel, ok, answer);
    if (ok) channel.outbox.retryNow();
    this.channels.keep(channel);
    return { ok, answer, tookMs: Math.round(performance.now() - began) };
  }

  attention(): AttentionItem[] {
    return this.channels.all.flatMap(({ id, settings, secrets, outbox, health }): AttentionItem[] => {
      if (!settings.enabled || (secrets !== null && outbox.failures === 0)) return [];
      return [
        {
          id: `notify:${id}`,
          severity: 'warning',
          title: `Notifications by “${settings.label}” do not get through`.slice(0, 160),
          text: `${health.error ?? 'Its password or address must be typed in again.'} What is to be told waits, and is tried again by itself.`.slice(
            0,
            1000,
          ),
          ...(health.error_at === null ? {} : { since: new Date(health.error_at).toISOString() }),
          link: '/settings/notifications',
        },
      ];
    });
  }

  async #run(): Promise<void> {
    const { signal } = this.#ending;
    while (!signal.aborted) {
      try {
        this.#tick(this.#parts.clock());
      } catch (error) {
        this.#parts.log.error({ err: error }, 'notifications could not be looked after; it is tried again');
      }
      await sleep(TICK_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  #tick(now: number): void {
    if (Math.abs(now - this.#lookedMs) >= LOOK_MS) {
      this.#lookedMs = now;
      this.#look(now);
    }
    if (Math.abs(now - this.#keptMs) >= KEEP_MS) this.#keep(now);
    for (const channel of this.channels.all) {
      if (!channel.settings.enabled || this.#sending.has(channel.id)) continue;
      const batch = channel.outbox.take(now);
      if (batch === undefined) continue;
      const { from } = this.#parts;
      const sending = this.#send(channel, () => noticeOf(batch, from(), notifyId(), now)).finally(() => {
        this.#sending.delete(channel.id);
      });
      this.#sending.set(channel.id, sending);
    }
  }

  #look(now: number): void {
    const matters = this.#parts.attention().map((item) => matterOf(item, now));
    const { began, worse, over, leftOut } = this.#standing.look(matters, now);
    for (const channel of this.channels.all) {
      if (!channel.settings.enabled) continue;
      const { topics } = channel.settings.tells;
      // A channel that does not work need not be told so.
      const concerns = ({ topic, key }: Matter) => topics.includes(topic) && key !== `notify:${channel.id}`;
      for (const matter of began.filter(concerns)) channel.outbox.began(matter, now);
      for (const matter of worse.filter(concerns)) channel.outbox.worse(matter, now);
      for (const matter of over) channel.outbox.over(matter, now);
      const missed = leftOut.filter(concerns).length;
      if (missed > 0) channel.outbox.miss(missed, now);
      if (began.length + worse.length + over.length + missed > 0) this.#changed.add(channel);
    }
    if (began.length + worse.length + over.length > 0) this.#standingChanged = true;
  }

  async #send(channel: Channel, compose: () => ReturnType<typeof noticeOf>): Promise<void> {
    // The channel may be changed meanwhile: what was taken belongs to this outbox.
    const { outbox, settings, secrets } = channel;
    const { clock, log } = this.#parts;
    const about = { channel: channel.id, to: destinationOf(settings.target) };
    try {
      const { answer } = await deliver(settings, secrets, compose());
      outbox.sent(clock());
      channel.health.sent += 1;
      this.#note(channel, true, answer);
      log.info(about, 'a notification was sent');
    } catch (error) {
      outbox.failed(clock());
      const reason = error instanceof BulkheadError ? error.message : describeError(error);
      this.#note(channel, false, reason);
      log.warn(
        { ...about, reason, failures: outbox.failures },
        'a notification was not sent; it is tried again',
      );
    }
    // Written with the next tick, at once.
    this.#changed.add(channel);
    this.#keptMs = -Infinity;
  }

  #note(channel: Channel, ok: boolean, text: string): void {
    const now = this.#parts.clock();
    Object.assign(channel.health, ok ? { success: now, answer: text } : { error_at: now, error: text });
  }

  /** All of it or nothing: who was told and what stands belong together. */
  #keep(now: number): void {
    this.#keptMs = now;
    if (this.#changed.size === 0 && !this.#standingChanged) return;
    const { db } = this.#parts;
    db.transaction(() => {
      for (const channel of this.#changed) this.channels.keep(channel);
      if (!this.#standingChanged) return;
      db.exec('DELETE FROM notify_standing');
      const insert = db.prepare('INSERT INTO notify_standing VALUES (?, ?)');
      for (const matter of this.#standing.matters) insert.run(matter.key, JSON.stringify(matter));
    })();
    this.#changed.clear();
    this.#standingChanged = false;
  }
}

function linesOf(body: Uint8Array): number {
  let lines = 0;
  for (let at = body.indexOf(NEWLINE); at !== -1; at = body.indexOf(NEWLINE, at + 1)) lines += 1;
  return Math.max(1, lines);
}
