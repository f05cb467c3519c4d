import type { ServerDuplexStream } from '@grpc/grpc-js';
import type { SensorStatusView } from '@bulkhead/fleet-api';
import type { ConfigResult, FromFleet, FromSensor, Hello } from '@bulkhead/platform/contracts/fleet';
import { BulkheadError } from '@bulkhead/platform/kernel';
import { AnswerParts, type Answer } from './answer.ts';
import { ClockDifference } from './clock.ts';
import type { Visitor } from './door.ts';
import { resetCall } from './http2-stream.ts';
import type { LinkLimits, LinkTimes } from './limits.ts';
import { endCall, type Refusal } from './refusal.ts';
import { EXPIRED, LOST, SILENT, STUCK } from './reasons.ts';
import { readStatus, statusDigest } from './status-view.ts';

export type AttachCall = ServerDuplexStream<FromSensor, FromFleet>;

/** One question to a sensor's own API. */
export interface Question {
  method: string;
  /** Path and query of the sensor's API: `/v1/events?type=alert`. */
  path: string;
  /** JSON text. */
  body?: Buffer | undefined;
  user: string;
  roles: readonly string[];
  /** Until the whole answer is there. */
  deadlineMs: number;
  /** Of the whole answer. */
  maxBytes: number;
  signal?: AbortSignal | undefined;
}

/** What a link tells while it is there. */
export interface LinkListener {
  state: (link: SensorLink, status: SensorStatusView, changed: boolean) => void;
  notice: (link: SensorLink, notice: Record<string, unknown>) => void;
  configResult: (link: SensorLink, result: ConfigResult) => void;
  ended: (link: SensorLink, reason: Refusal) => void;
}

/** Status JSON is looked at this often at most, and notices are passed on this often. */
const STATE_EVERY_MS = 1_000;
const NOTICES_PER_MINUTE = 60;
const NOTICE_BYTES = 16 << 10;
const HEARTBEAT_ROOM_BYTES = 64 << 10;

/**
 * One attached sensor.
 *
 * INVARIANTS: `listener.ended` is called exactly once, after which nothing is sent, every question has failed and nothing is
 * kept that is not bounded. What was not taken by the sensor yet is at most `outboxBytes`. All times are monotonic.
 */
export class SensorLink {
  readonly sensor: string;
  readonly serial: string;
  readonly instance: string;
  readonly hello: Hello;
  readonly visitor: Visitor;
  readonly attachedAt = new Date();
  readonly clock = new ClockDifference();
  readonly #call: AttachCall;
  readonly #limits: LinkLimits;
  readonly #times: LinkTimes;
  readonly #listener: LinkListener;
  readonly #questions = new Map<number, AnswerParts>();
  #nextQuestion = 1;
  #lastHeardMs = performance.now();
  #lastSeen = new Date();
  #lastBeatMs = 0;
  #outboxBytes = 0;
  #stuckSinceMs: number | undefined;
  #messages = 0;
  #paused = false;
  #ended: Refusal | undefined;
  #newState: Buffer | undefined;
  #stateReadMs = -Infinity;
  #digest = '';
  #notices = 0;
  #noticesSinceMs = 0;
  status: SensorStatusView | undefined;
  statusAt: Date | undefined;
  statusUnreadable = false;

  constructor(
    call: AttachCall,
    visitor: Visitor,
    hello: Hello,
    parts: { limits: LinkLimits; times: LinkTimes; listener: LinkListener },
  ) {
    this.#call = call;
    this.visitor = visitor;
    this.sensor = visitor.identity.sensor;
    this.serial = visitor.identity.serial;
    this.instance = hello.instance;
    this.hello = hello;
    this.#limits = parts.limits;
    this.#times = parts.times;
    this.#listener = parts.listener;
    this.clock.note(hello.clockMs, Date.now());
  }

  /** Begins to read. Call it once, when the link is known to whoever listens. */
  open(): void {
    this.#call.on('data', (message: FromSensor) => {
      this.#receive(message);
    });
    const gone = () => {
      this.end(LOST);
    };
    this.#call.on('end', gone);
    this.#call.on('cancelled', gone);
    this.#call.on('close', gone);
    this.#call.resume();
  }

  get ended(): Refusal | undefined {
    return this.#ended;
  }

  get lastHeardMs(): number {
    return this.#lastHeardMs;
  }

  get lastSeen(): Date {
    return this.#lastSeen;
  }

  /** @returns false when the sensor has not taken what was sent before: nothing was sent then. */
  send(what: NonNullable<FromFleet['what']>, bytes = 256): boolean {
    if (this.#ended !== undefined || this.#outboxBytes + bytes > this.#limits.outboxBytes) return false;
    this.#outboxBytes += bytes;
    this.#stuckSinceMs ??= performance.now();
    this.#call.write({ what } satisfies FromFleet, () => {
      this.#outboxBytes -= bytes;
      this.#stuckSinceMs = this.#outboxBytes === 0 ? undefined : performance.now();
    });
    return true;
  }

  /**
   * Asks the sensor's own API.
   * @throws BulkheadError FLEET_LINKS_BUSY, FLEET_LINKS_TIMEOUT, FLEET_LINKS_CANCELLED, FLEET_LINKS_LOST; while the answer is read
   * also FLEET_LINKS_ANSWER_TOO_LARGE, FLEET_LINKS_READER_SLOW
   */
  async ask(question: Question): Promise<Answer> {
    if (question.signal?.aborted === true) throw cancelled();
    if (this.#questions.size >= this.#limits.asksPerSensor) throw this.#busy('questions');
    const id = this.#nextQuestion;
    const body = question.body ?? EMPTY;
    const windowBytes = this.#limits.answerWindowBytes;
    const taken = this.send(
      {
        $case: 'ask',
        value: {
          id,
          method: question.method,
          path: question.path,
          bodyJson: body,
          user: question.user,
          roles: [...question.roles],
          deadlineMs: question.deadlineMs,
          windowBytes,
        },
      },
      body.length + question.path.length + 512,
    );
    if (!taken) throw this.#busy('messages');
    this.#nextQuestion += 1;
    const parts = new AnswerParts(
      { maxBytes: question.maxBytes, bufferBytes: this.#limits.answerBufferBytes, windowBytes },
      (bytes) => this.send({ $case: 'answerCredit', value: { id, bytes } }, 32),
      (finished) => {
        clearTimeout(timer);
        question.signal?.removeEventListener('abort', onAbort);
        this.#questions.delete(id);
        if (!finished) this.send({ $case: 'cancelAsk', value: { id } }, 32);
      },
    );
    const timer = setTimeout(() => {
      parts.fail(
        new BulkheadError({
          code: 'FLEET_LINKS_TIMEOUT',
          message: `${this.sensor} did not answer within ${String(question.deadlineMs / 1000)} s.`,
          fields: { sensor: this.sensor, deadlineMs: question.deadlineMs },
        }),
      );
    }, question.deadlineMs);
    const onAbort = () => {
      parts.cancel();
    };
    question.signal?.addEventListener('abort', onAbort, { once: true });
    this.#questions.set(id, parts);
    return parts.start();
  }

  /** Looks at the link. @param stalledMs for how long this process did not run: silence during it proves nothing. */
  tick(nowMs: number, stalledMs: number): void {
    if (this.#ended !== undefined) return;
    this.#lastHeardMs = Math.min(nowMs, this.#lastHeardMs + stalledMs);
    if (this.#stuckSinceMs !== undefined) this.#stuckSinceMs += stalledMs;
    const { silenceMs, stuckMs, heartbeatMs } = this.#times;
    if (nowMs - this.#lastHeardMs > silenceMs) {
      this.end(SILENT, { atOnce: true });
      return;
    }
    if (this.#stuckSinceMs !== undefined && nowMs - this.#stuckSinceMs > stuckMs) {
      this.end(STUCK, { atOnce: true });
      return;
    }
    if (Date.now() > this.visitor.identity.validToMs) {
      this.end(EXPIRED);
      return;
    }
    // Behind a lot that waits to be taken it would come too late to say anything.
    if (nowMs - this.#lastBeatMs >= heartbeatMs && this.#outboxBytes < HEARTBEAT_ROOM_BYTES) {
      this.#lastBeatMs = nowMs;
      this.send({ $case: 'heartbeat', value: { clockMs: Date.now() } }, 32);
    }
    this.#readState(nowMs);
    this.#messages = 0;
    if (this.#paused) {
      this.#paused = false;
      this.#call.resume();
    }
  }

  /**
   * The link is over.
   * @param options.atOnce the sensor is not there to be told: its connection is cut; else it gets the reason first
   */
  end(reason: Refusal, options: { atOnce?: boolean } = {}): void {
    if (this.#ended !== undefined) return;
    this.#ended = reason;
    this.#newState = undefined;
    for (const parts of [...this.#questions.values()]) parts.fail(this.#lost(reason));
    this.#questions.clear();
    if (reason === LOST) {
      if (!this.#call.cancelled && !this.#call.destroyed) this.#call.end();
    } else if (options.atOnce === true) {
      // Nothing waits for a half-open connection: what it holds is freed now.
      if (!this.#call.destroyed) this.#call.destroy();
      this.visitor.cut();
    } else {
      endCall(this.#call, reason);
      this.#call.resume();
      setTimeout(() => {
        resetCall(this.#call);
      }, this.#times.lingerMs).unref();
    }
    this.#listener.ended(this, reason);
  }

  #receive({ what }: FromSensor): void {
    if (this.#ended !== undefined) return;
    this.#lastHeardMs = performance.now();
    this.#lastSeen = new Date();
    this.#messages += 1;
    if (this.#messages >= this.#limits.messagesPerTick && !this.#paused) {
      // The rest waits at the sensor until the next tick.
      this.#paused = true;
      this.#call.pause();
    }
    switch (what?.$case) {
      case 'heartbeat':
        this.clock.note(what.value.clockMs, Date.now());
        break;
      case 'state':
        this.#newState = what.value.statusJson;
        this.#readState(this.#lastHeardMs);
        break;
      case 'configResult':
        this.#listener.configResult(this, what.value);
        break;
      case 'answer':
        this.#questions.get(what.value.id)?.add(what.value);
        break;
      case 'notice':
        this.#notice(what.value.noticeJson);
        break;
      case 'hello': // only the first message is one
      case undefined: // of a newer sensor
        break;
    }
  }

  #readState(nowMs: number): void {
    const json = this.#newState;
    if (json === undefined || nowMs - this.#stateReadMs < STATE_EVERY_MS) return;
    this.#newState = undefined;
    this.#stateReadMs = nowMs;
    const read = readStatus(json);
    this.statusUnreadable = read === undefined;
    if (read === undefined) return;
    this.status = read;
    this.statusAt = new Date();
    const digest = statusDigest(read);
    const changed = digest !== this.#digest;
    this.#digest = digest;
    this.#listener.state(this, read, changed);
  }

  #notice(json: Buffer): void {
    const now = performance.now();
    if (now - this.#noticesSinceMs > 60_000) {
      this.#noticesSinceMs = now;
      this.#notices = 0;
    }
    this.#notices += 1;
    if (this.#notices > NOTICES_PER_MINUTE || json.length > NOTICE_BYTES) return;
    try {
      const notice: unknown = JSON.parse(json.toString('utf8'));
      if (typeof notice !== 'object' || notice === null || Array.isArray(notice)) return;
      this.#listener.notice(this, notice as Record<string, unknown>);
    } catch {
      // No JSON, no notice.
    }
  }

  #busy(what: string): BulkheadError {
    return new BulkheadError({
      code: 'FLEET_LINKS_BUSY',
      message: `As many ${what} as ${this.sensor} takes at once wait for it already.`,
      fields: { sensor: this.sensor },
    });
  }

  #lost(reason: Refusal): BulkheadError {
    return new BulkheadError({
      code: 'FLEET_LINKS_LOST',
      message: `The link to ${this.sensor} ended before the answer: ${reason.message}`,
      fields: { sensor: this.sensor, reason: reason.code },
    });
  }
}

const EMPTY = Buffer.alloc(0);

const cancelled = () =>
  new BulkheadError({ code: 'FLEET_LINKS_CANCELLED', message: 'The question was taken back.' });
