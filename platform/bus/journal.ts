import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node';
import { z } from 'zod';
import { CommandNameSchema, NameSchema } from '../contracts/index.ts';
import { hasCode, type Logger } from '../kernel/index.ts';
import type { JournalEntries, JournalEntry, MessageOutcome } from './journal-entries.ts';
import { BUS_LIMITS } from './limits.ts';
import { sendRights, type BusModel } from './model.ts';
import { subjects } from './names.ts';
import type { CommandReply } from './platform-client.ts';

/** A metric of nats-server for one request over an export (its `ServiceLatency`); times in nanoseconds. */
const MetricSchema = z.object({
  type: z.literal('io.nats.server.metric.v1.service_latency'),
  status: z.number(),
  total: z.number().optional(),
});

/** What a recipient says of a command that it answered. */
const StatementSchema = z.strictObject({
  from: NameSchema,
  command: CommandNameSchema,
  ok: z.boolean(),
  code: z.string().max(64).optional(),
});
type Statement = z.output<typeof StatementSchema>;

const OUTCOMES: Readonly<Record<number, MessageOutcome>> = {
  200: 'answered',
  400: 'sent',
  503: 'unavailable',
};
/** How long an answered command waits for what its recipient says of it, and the most that wait. */
const STATEMENT_MS = 1_000;
const WAITING = 256;
const STATEMENT_BYTES = 1_024;

interface Recipient {
  subscriptions: Subscription[];
  second: number;
  inSecond: number;
  resting: NodeJS.Timeout | undefined;
  /** By sender and command, in the order of the answers. */
  answered: Map<string, { entry: JournalEntry; timer: NodeJS.Timeout }[]>;
  stated: { key: string; statement: Statement; at: number }[];
}

/**
 * Who commanded what, with which result: from what nats-server measures of each export from one instrument to another.
 *
 * The metric goes to a subject that holds a secret of the sensor: whoever could name it could make a recipient or the store
 * answer to it, and so forge an entry. Senders have no part in an entry, and recipients only in what they state.
 *
 * INVARIANTS: one pair of subscriptions, on the present connection, for each recipient that somebody may command and that
 * is not resting. Every metric ends in exactly one entry; a statement without a metric in none.
 */
export class Journal {
  readonly #secret: () => string;
  readonly #entries: JournalEntries;
  readonly #log: Logger;
  readonly #recipients = new Map<string, Recipient>();
  #connection: NatsConnection | undefined;

  constructor(secret: () => string, entries: JournalEntries, log: Logger) {
    this.#secret = secret;
    this.#entries = entries;
    this.#log = log;
  }

  /** To be told of every connection and of every change of the rights. */
  follow(connection: NatsConnection, model: BusModel): void {
    const wanted = new Set(sendRights(model).map(({ to }) => to));
    const anew = this.#connection !== connection;
    this.#connection = connection;
    for (const [name, recipient] of this.#recipients) {
      if (wanted.has(name) && !anew) continue;
      deafen(recipient);
      if (!wanted.has(name)) this.#forget(name, recipient);
    }
    for (const name of wanted) {
      const recipient = this.#recipients.get(name) ?? newRecipient();
      this.#recipients.set(name, recipient);
      this.#listen(name, recipient);
    }
  }

  /** A command of the platform's own. @param reply what it was answered, or the error */
  platformSent(to: string, command: string, durationMs: number, reply: unknown): void {
    this.#entries.add({ from: 'platform', to, command, ...outcomeOf(reply), durationMs, count: 1 });
  }

  close(): void {
    for (const [name, recipient] of this.#recipients) {
      deafen(recipient);
      this.#forget(name, recipient);
    }
    this.#connection = undefined;
  }

  #listen(name: string, recipient: Recipient): void {
    const connection = this.#connection;
    if (connection === undefined || connection.isClosed()) return;
    if (recipient.subscriptions.length > 0 || recipient.resting !== undefined) return;
    const take = (handle: (message: Msg) => void) => ({
      callback: (error: Error | null, message: Msg) => {
        if (error === null) handle(message);
      },
    });
    recipient.subscriptions = [
      connection.subscribe(
        subjects.journal(this.#secret(), name),
        take((message) => {
          this.#measured(message, name, recipient);
        }),
      ),
      connection.subscribe(
        subjects.service(name, 'journal'),
        take((message) => {
          this.#statement(message, recipient);
        }),
      ),
    ];
  }

  #measured(message: Msg, to: string, recipient: Recipient): void {
    const metric = MetricSchema.safeParse(jsonOf(message));
    if (!metric.success) return;
    const [, , , from = '', ...rest] = message.subject.split('.');
    const command = rest.join('.');
    const { status, total = 0 } = metric.data;
    const outcome = OUTCOMES[status] ?? 'unanswered';
    const entry: JournalEntry = { from, to, command, outcome, durationMs: Math.round(total / 1e6), count: 1 };
    if (this.#tooMany(to, recipient, entry)) return;
    if (outcome === 'answered') this.#awaitStatement(entry, recipient);
    else this.#entries.add(entry);
  }

  #awaitStatement(entry: JournalEntry, recipient: Recipient): void {
    const key = `${entry.from} ${entry.command}`;
    const before = recipient.stated.findIndex((one) => one.key === key);
    const [early] = before < 0 ? [] : recipient.stated.splice(before, 1);
    if (early !== undefined && performance.now() - early.at < STATEMENT_MS) {
      this.#entries.add(withStatement(entry, early.statement));
      return;
    }
    const waiting = recipient.answered.get(key) ?? [];
    if (recipient.answered.size >= WAITING || waiting.length >= WAITING) {
      this.#entries.add(entry);
      return;
    }
    const timer = setTimeout(() => {
      this.#entries.add(entry);
      const left = (recipient.answered.get(key) ?? []).filter((one) => one.timer !== timer);
      if (left.length === 0) recipient.answered.delete(key);
      else recipient.answered.set(key, left);
    }, STATEMENT_MS).unref();
    recipient.answered.set(key, [...waiting, { entry, timer }]);
  }

  #statement(message: Msg, recipient: Recipient): void {
    if (message.data.length > STATEMENT_BYTES) return;
    const parsed = StatementSchema.safeParse(jsonOf(message));
    if (!parsed.success) return;
    const key = `${parsed.data.from} ${parsed.data.command}`;
    const [first, ...left] = recipient.answered.get(key) ?? [];
    if (first === undefined) {
      const stated = { key, statement: parsed.data, at: performance.now() };
      recipient.stated = [...recipient.stated, stated].slice(-WAITING);
      return;
    }
    clearTimeout(first.timer);
    if (left.length === 0) recipient.answered.delete(key);
    else recipient.answered.set(key, left);
    this.#entries.add(withStatement(first.entry, parsed.data));
  }

  /** A flood of commands is not followed one by one: it would take the platform's time. The journal says where it is silent. */
  #tooMany(to: string, recipient: Recipient, entry: JournalEntry): boolean {
    if (recipient.resting !== undefined) return true;
    const second = Math.floor(performance.now() / 1000);
    recipient.inSecond = recipient.second === second ? recipient.inSecond + 1 : 1;
    recipient.second = second;
    if (recipient.inSecond <= BUS_LIMITS.journalPerSecond) return false;
    const { from } = entry;
    this.#log.warn({ from, to, command: entry.command }, 'a flood of commands is not recorded for a while');
    this.#entries.add({ ...entry, outcome: 'unrecorded', durationMs: 0 });
    deafen(recipient);
    recipient.resting = setTimeout(() => {
      recipient.resting = undefined;
      if (this.#recipients.get(to) === recipient) this.#listen(to, recipient);
    }, BUS_LIMITS.journalRestMs).unref();
    return true;
  }

  #forget(name: string, recipient: Recipient): void {
    clearTimeout(recipient.resting);
    for (const waiting of recipient.answered.values()) {
      for (const { entry, timer } of waiting) {
        clearTimeout(timer);
        this.#entries.add(entry);
      }
    }
    recipient.answered.clear();
    this.#recipients.delete(name);
  }
}

function newRecipient(): Recipient {
  return { subscriptions: [], second: 0, inSecond: 0, resting: undefined, answered: new Map(), stated: [] };
}

function deafen(recipient: Recipient): void {
  for (const subscription of recipient.subscriptions.splice(0)) subscription.unsubscribe();
}

function withStatement(entry: JournalEntry, { ok, code }: Statement): JournalEntry {
  const stated = { ...entry, statedBy: entry.to };
  return ok ? { ...stated, outcome: 'done' } : { ...stated, outcome: 'failed', code: code ?? 'unknown' };
}

function outcomeOf(reply: unknown): Pick<JournalEntry, 'outcome' | 'code'> {
  if (hasCode(reply, 'BUS_NO_RESPONDER')) return { outcome: 'unavailable' };
  if (hasCode(reply, 'BUS_TIMEOUT')) return { outcome: 'unanswered' };
  if (reply instanceof Error) return { outcome: 'answered', code: 'BUS_REPLY_INVALID' };
  const { ok, code } = (reply ?? {}) as Partial<Extract<CommandReply, { ok: false }>>;
  return ok === false ? { outcome: 'failed', code: String(code).slice(0, 64) } : { outcome: 'done' };
}

function jsonOf(message: Msg): unknown {
  try {
    return message.json();
  } catch {
    return undefined;
  }
}
