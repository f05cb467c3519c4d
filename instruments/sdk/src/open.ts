import { join } from 'node:path';
import { jetstream } from '@nats-io/jetstream';
import { PermissionViolationError, type NatsConnection } from '@nats-io/transport-node';
import type { z } from 'zod';
import { connectToBus } from './bus-connection.ts';
import { askPlatform, sendCommand } from './calls.ts';
import { CommandServer, type Answer, type AnsweredCommand } from './commands.ts';
import { answerData, answerRetention, type DataHandlers, type KeptCopy } from './data-handlers.ts';
import { InstrumentError, notPermitted } from './errors.ts';
import { freeze, pointerOf, readInstrumentFile, type InstrumentFile } from './instrument-file.ts';
import { LiveRights, type OnRights } from './live-rights.ts';
import { openInstrumentLog, type InstrumentLog } from './log.ts';
import { LIMITS, READER_DOMAIN } from './protocol.ts';
import { Publisher } from './publisher.ts';
import { Reader } from './reader.ts';
import { untyped, type Command } from './typed-command.ts';
import type {
  ChangeReply,
  EventBatch,
  EventRecord,
  EventSubscription,
  Health,
  Instrument,
  OpenOptions,
  PublishCounters,
  ReceivedEvent,
} from './types.ts';

const STOP_WORK_MS = 5_000;
const FLUSH_MS = 10_000;

/**
 * Reads the instrument's identity, connects to the bus, answers control commands and reacts to signals.
 * @throws InstrumentError BUS_FILE_INVALID, BUS_CONNECT_FAILED
 */
export async function openInstrument(options: OpenOptions = {}): Promise<Instrument> {
  const file = await readInstrumentFile(options.file ?? '/run/bulkhead/instrument.json');
  const write = options.logTo ?? ((line: string) => void process.stdout.write(`${line}\n`));
  const log = openInstrumentLog(file.name, write);
  const connection = await connectToBus(file, options.connectTimeoutMs ?? 30_000);
  const instrument = new BusInstrument(file, log, connection, options);
  instrument.begin();
  // Whoever is told that we are there may ask at once: the server must know our subscriptions by then.
  await within(STOP_WORK_MS, connection.flush()).catch(() => undefined);
  return instrument;
}

/**
 * INVARIANTS: `close` runs once; the process ends by itself only when `signals` is on (after a signal, `control.stop`, or
 * when the bus does not take the key any more). Between the loss of a connection and its return nothing is sent.
 */
class BusInstrument implements Instrument {
  readonly name: string;
  readonly persistentDir: string;
  readonly transientDir: string;
  readonly resourcesDir: string;
  readonly log: InstrumentLog;
  readonly #connection: NatsConnection;
  readonly #publisher: Publisher;
  readonly #commands: CommandServer;
  readonly #rights: LiveRights;
  readonly #readers = new Set<Reader>();
  readonly #stopWork: (() => Promise<void> | void)[] = [];
  readonly #stopping = new AbortController();
  readonly #endProcess: boolean;
  #closing: Promise<void> | undefined;
  #health: (() => Health | Promise<Health>) | undefined;

  constructor(file: InstrumentFile, log: InstrumentLog, connection: NatsConnection, options: OpenOptions) {
    const dataDir = options.dataDir ?? '/var/lib/instrument';
    this.name = file.name;
    this.persistentDir = join(dataDir, 'persistent');
    this.transientDir = join(dataDir, 'transient');
    this.resourcesDir = join(dataDir, 'resources');
    this.log = log;
    this.#connection = connection;
    this.#endProcess = options.signals ?? true;
    this.#publisher = new Publisher({
      connection,
      instrument: file.name,
      sensor: file.sensor,
      types: file.publish,
      log,
      maxBufferBytes: options.maxBufferBytes ?? 32 * 1024 * 1024,
      maxInFlight: options.maxInFlight ?? 16,
    });
    this.#commands = new CommandServer(connection, file.name, log, () =>
      this.file.services.includes('journal'),
    );
    this.#rights = new LiveRights(file, log, (types) => {
      this.#publisher.permit(types);
    });
  }

  get file(): InstrumentFile {
    return this.#rights.file;
  }

  get stopping(): AbortSignal {
    return this.#stopping.signal;
  }

  begin(): void {
    this.#commands.onControl('health', () => this.#reportHealth());
    this.#commands.onControl('stop', () => {
      setImmediate(() => void this.#stop());
      return { ok: true };
    });
    this.#commands.onControl('rights', (payload) => this.#rights.take(payload));
    this.#commands.listen();
    void this.#followConnection();
    if (!this.#endProcess) return;
    for (const signal of ['SIGTERM', 'SIGPWR', 'SIGINT'] as const)
      process.once(signal, () => void this.#stop());
  }

  publish(type: string, record: EventRecord): Promise<void> {
    return this.#publisher.publish(type, record);
  }

  publishRaw(type: string, line: Buffer): Promise<void> {
    return this.#publisher.publishRaw(type, line);
  }

  async ready(): Promise<void> {
    await this.#publisher.ready();
  }

  async flush(): Promise<void> {
    await this.#publisher.flush();
  }

  counters(): PublishCounters {
    return this.#publisher.counters();
  }

  subscribe(
    from: string,
    type: string,
    handler: (event: ReceivedEvent) => Promise<void> | void,
  ): EventSubscription {
    const one = async (batch: EventBatch): Promise<void> => {
      for (const event of batch.events()) await handler(event);
    };
    return this.#read(from, type, one, 1);
  }

  subscribeBatches(
    from: string,
    type: string,
    handler: (batch: EventBatch) => Promise<void>,
    options: { concurrent?: number } = {},
  ): EventSubscription {
    const asked = options.concurrent ?? LIMITS.unacknowledged;
    return this.#read(from, type, handler, Math.min(Math.max(1, asked), LIMITS.unacknowledged));
  }

  #read(
    from: string,
    type: string,
    handler: (batch: EventBatch) => Promise<void>,
    concurrent: number,
  ): EventSubscription {
    const grant = this.file.read.find((read) => read.from === from && read.type === type);
    if (grant === undefined) throw notPermitted(this.name, 'subscribe', `event.${from}.${type}`);
    const reader = new Reader({
      client: jetstream(this.#connection, { domain: READER_DOMAIN }),
      instrument: this.name,
      grant,
      handler,
      concurrent,
      log: this.log,
    });
    this.#readers.add(reader);
    return reader;
  }

  async send(
    to: string,
    command: Command | string,
    payload: unknown,
    options: { timeoutMs?: number } = {},
  ): Promise<unknown> {
    return sendCommand(this.#connection, this.file, { to, command, payload, ...options });
  }

  async ask(service: string, payload: unknown, options: { timeoutMs?: number } = {}): Promise<unknown> {
    return askPlatform(this.#connection, this.file, { service, payload, ...options });
  }

  handle<Request extends z.ZodType, Reply extends z.ZodType>(
    command: Command<Request, Reply> | string,
    answer: (payload: z.output<Request>, from: string) => unknown,
  ): void {
    const answered: AnsweredCommand =
      typeof command === 'string' ? { ...untyped(command), timeoutMs: LIMITS.commandMaxMs } : command;
    if (!this.file.accept.includes(answered.name)) {
      throw notPermitted(this.name, 'handle', `message.${this.name}.*.${answered.name}`);
    }
    this.#commands.onCommand(answered, answer as Answer);
  }

  health(report: () => Health | Promise<Health>): void {
    this.#health = report;
  }

  onResources(take: () => Promise<ChangeReply> | ChangeReply): void {
    this.#commands.onControl('resources', take);
  }

  onConfigure(take: (options: unknown) => Promise<ChangeReply> | ChangeReply): void {
    this.#commands.onControl('configure', take);
  }

  onRights(take: OnRights): void {
    this.#rights.onChange(take);
  }

  onRetention(report: () => Promise<readonly KeptCopy[]> | readonly KeptCopy[]): void {
    answerRetention(this.#commands, report);
  }

  onData(handlers: DataHandlers): void {
    answerData(this.#commands, handlers);
  }

  onStop(work: () => Promise<void> | void): void {
    this.#stopWork.push(work);
  }

  options<T extends z.ZodType>(schema: T): z.output<T> {
    const result = schema.safeParse(this.file.options);
    if (result.success) return freeze(result.data);
    const issue = result.error.issues[0];
    const at =
      issue?.code === 'unrecognized_keys' ? [...issue.path, issue.keys[0] ?? ''] : (issue?.path ?? []);
    const pointer = pointerOf(at);
    throw new InstrumentError({
      code: 'BUS_OPTIONS_INVALID',
      message: `The options of ${this.name} are not valid: ${pointer}: ${issue?.message ?? 'not valid'}`,
      hint: "Correct the named place below the instrument's options in the sensor configuration.",
      fields: { instrument: this.name, pointer },
      cause: result.error,
    });
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#stopping.abort();
    for (const work of this.#stopWork.reverse()) {
      await within(STOP_WORK_MS, Promise.resolve().then(work)).catch((error: unknown) => {
        this.log.error('work before the end failed', {
          reason: error instanceof Error ? error.message : String(error),
        });
      });
    }
    await within(STOP_WORK_MS, Promise.all([...this.#readers].map((reader) => reader.stop()))).catch(
      () => undefined,
    );
    await within(FLUSH_MS, this.#publisher.flush()).catch(() => undefined);
    this.#publisher.close();
    // Drain sends the acknowledgements that are still on their way out. It throws when already closed, and waits for ever
    // when the connection is lost meanwhile.
    await within(STOP_WORK_MS, this.#connection.drain()).catch(() => this.#connection.close());
  }

  async #stop(exitCode = 0): Promise<void> {
    await this.close();
    if (this.#endProcess) process.exit(exitCode);
  }

  async #reportHealth(): Promise<Health> {
    const published = this.counters();
    const own: Health = this.#health === undefined ? { state: 'starting' } : await this.#health();
    const counters = Object.entries({ ...own.counters, ...prefixed('bus', published) }).slice(0, 64);
    return {
      state: own.state,
      ...(own.detail === undefined ? {} : { detail: own.detail.slice(0, 500) }),
      counters: Object.fromEntries(counters),
    };
  }

  async #followConnection(): Promise<void> {
    void this.#connection.closed().then((error) => {
      if (this.#closing !== undefined) return;
      this.log.error('the bus does not take us any more', {
        reason: error instanceof Error ? error.message : 'closed',
      });
      void this.#stop(1);
    });
    for await (const status of this.#connection.status()) {
      if (status.type === 'disconnect') {
        this.#publisher.connectionChanged(false);
        this.log.warn('connection to the bus lost');
      } else if (status.type === 'reconnect') {
        this.log.info('connected to the bus again');
        this.#publisher.connectionChanged(true);
      } else if (status.type === 'error' && status.error instanceof PermissionViolationError) {
        const { operation, subject } = status.error;
        this.log.error(notPermitted(this.name, operation, subject).message, { code: 'BUS_NOT_PERMITTED' });
        if (operation === 'publish') this.#publisher.subjectRefused(subject);
      }
    }
  }
}

function prefixed(prefix: string, values: object): Record<string, number> {
  return Object.fromEntries(
    Object.entries(values).map(([key, value]) => [`${prefix}.${key}`, value as number]),
  );
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`not finished within ${String(ms)} ms`));
    }, ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
