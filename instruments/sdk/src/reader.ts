import { setTimeout as sleep } from 'node:timers/promises';
import type { ConsumerMessages, JetStreamClient, JsMsg } from '@nats-io/jetstream';
import { errors } from '@nats-io/transport-node';
import { InstrumentError, notPermitted } from './errors.ts';
import type { InstrumentFile } from './instrument-file.ts';
import type { InstrumentLog } from './log.ts';
import { openBatch, parseRecords } from './records.ts';
import type { EventBatch, EventSubscription } from './types.ts';

/** How long one pull waits, and how often the server says that it still does. */
const PULL = { expires: 15_000, idle_heartbeat: 2_000 } as const;
/** Messages asked for at a time when one is handled after the other. */
const PULL_MESSAGES = 32;
/** A handler at work tells the server so, or the message would be delivered again. */
const WORKING_MS = 10_000;
/** After a handler failed, its message comes again after this long. */
const AGAIN_MS = 1_000;
/** Sequences of handled messages that are remembered, to recognise one whose acknowledgement was lost. */
const REMEMBERED = 1_024;

type ReadGrant = InstrumentFile['read'][number];

/** What reading one kind of event needs. */
export interface ReaderOptions {
  client: JetStreamClient;
  instrument: string;
  grant: ReadGrant;
  /** Gets the records of one message; the message is acknowledged when this resolves. */
  handler: (batch: EventBatch) => Promise<void>;
  /** Messages that may be with the handler at the same time. */
  concurrent: number;
  log: InstrumentLog;
}

/**
 * Reads through the durable consumer that the platform made.
 *
 * INVARIANTS: the handler is called for messages in their order, for at most `concurrent` before the first of them is done.
 * A message is acknowledged after its handler resolved, so what was not handled is delivered again. Ends by `stop`, or for good when the consumer or the right is gone; everything else (server
 * restarted, consumer not made yet) is waited out.
 */
export class Reader implements EventSubscription {
  readonly ended: Promise<InstrumentError | undefined>;
  readonly #options: ReaderOptions;
  readonly #handled = new Set<number>();
  readonly #atWork = new Set<Promise<void>>();
  #messages: ConsumerMessages | undefined;
  #stopped = false;

  constructor(options: ReaderOptions) {
    this.#options = options;
    this.ended = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#messages?.stop();
    await this.ended;
  }

  async #run(): Promise<InstrumentError | undefined> {
    const { client, grant, log } = this.#options;
    let seen = false;
    while (!this.#isStopped()) {
      try {
        const consumer = await client.consumers.get(grant.stream, grant.consumer);
        seen = true;
        this.#messages = await consumer.consume({
          ...PULL,
          max_messages: Math.max(PULL_MESSAGES, this.#options.concurrent),
          abort_on_missing_resource: true,
        });
        for await (const message of this.#messages) {
          const work: Promise<void> = this.#take(message).finally(() => this.#atWork.delete(work));
          this.#atWork.add(work);
          while (this.#atWork.size >= this.#options.concurrent) await Promise.race(this.#atWork);
          if (this.#isStopped()) break;
        }
      } catch (error) {
        const end = this.#endOf(error, seen);
        if (end !== undefined) {
          log.warn(end.message, { code: end.code });
          return end;
        }
      }
      if (!this.#isStopped()) await sleep(250);
    }
    await Promise.all(this.#atWork);
    return undefined;
  }

  #isStopped(): boolean {
    return this.#stopped;
  }

  async #take(message: JsMsg): Promise<void> {
    const { grant, handler, log } = this.#options;
    if (this.#handled.has(message.seq)) {
      message.ack();
      return;
    }
    const working = setInterval(() => {
      message.working();
    }, WORKING_MS);
    try {
      await handler(this.#batch(message));
      message.ack();
      this.#remember(message.seq);
    } catch (error) {
      log.error('a handler failed; its message comes again', {
        from: grant.from,
        type: grant.type,
        reason: error instanceof Error ? error.message : String(error),
      });
      message.nak(AGAIN_MS);
    } finally {
      clearInterval(working);
    }
  }

  #batch(message: JsMsg): EventBatch {
    const { grant, log } = this.#options;
    const batch = openBatch(message, grant.from, grant.type);
    const events = () => {
      const read = parseRecords(batch);
      if (read.bad > 0) {
        log.warn('records left out: not JSON objects', {
          from: grant.from,
          type: grant.type,
          records: read.bad,
        });
      }
      return read.events;
    };
    return { ...batch, sequence: message.seq, events };
  }

  #remember(sequence: number): void {
    this.#handled.add(sequence);
    const oldest = this.#handled.values().next().value;
    if (this.#handled.size > REMEMBERED && oldest !== undefined) this.#handled.delete(oldest);
  }

  /** The error for which reading ends; undefined = try again. */
  #endOf(error: unknown, seen: boolean): InstrumentError | undefined {
    const { instrument, grant } = this.#options;
    const text = error instanceof Error ? error.message.toLowerCase() : '';
    const subject = `event.${grant.from}.${grant.type}`;
    const refused =
      error instanceof errors.PermissionViolationError ||
      (error instanceof Error && error.cause instanceof errors.PermissionViolationError);
    if (refused && !seen) return notPermitted(instrument, 'subscribe', subject);
    if (refused || (seen && (text.includes('consumer deleted') || text.includes('consumer not found')))) {
      return new InstrumentError({
        code: 'BUS_READ_REVOKED',
        message: `${instrument} may no longer subscribe on ${subject}.`,
        hint: 'Grant it again in the sensor configuration if that was not meant.',
        fields: { instrument, operation: 'subscribe', subject },
        cause: error,
      });
    }
    if (error instanceof errors.ClosedConnectionError) {
      return new InstrumentError({
        code: 'BUS_CLOSED',
        message: `${instrument} has left the bus.`,
        cause: error,
      });
    }
    return undefined;
  }
}
