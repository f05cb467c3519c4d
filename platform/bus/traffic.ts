import { describeError, type Logger } from '../kernel/index.ts';
import type { Bus, BusTraffic } from './bus.ts';
import type { Connected } from './connections.ts';
import type { Identities } from './identities.ts';
import { JournalEntries, type JournalEntry } from './journal-entries.ts';
import { Journal } from './journal.ts';
import type { BusModel } from './model.ts';
import { requestControl, sendAsPlatform, type CommandReply } from './platform-client.ts';
import { refusalInAuthentication, refusalInDisconnect, refusalInLine } from './refusal-lines.ts';
import { RefusedAttempts, type RefusedAttempt } from './refused-attempts.ts';
import { ServerLog } from './server-log.ts';
import { ServiceDesk, type ServiceHandler } from './services.ts';

const MINUTE_MS = 60_000;
/** Control commands that are not in the journal: asked every few seconds, and they change nothing. */
const ROUTINE: readonly string[] = ['health', 'retention'];

/**
 * Services of the platform, refused attempts, and the journal of messages: what hangs on the platform's connections.
 *
 * INVARIANTS: `follow` is called after every new connection and every change of the rights; on one connection nothing is
 * subscribed twice.
 */
export class Traffic implements BusTraffic {
  /** Token of the journal's subjects, known to the platform and the server alone. A sensor that is locked has none yet. */
  readonly journalSecret: () => string;
  readonly #attempts = new RefusedAttempts();
  readonly #entries = new JournalEntries();
  readonly #desk: ServiceDesk;
  readonly #journal: Journal;
  readonly #serverLog: ServerLog;
  readonly #identities: Identities;
  readonly #log: Logger;
  #system: Connected['system'] | undefined;
  #minute: NodeJS.Timeout | undefined;

  constructor(parts: { log: Logger; logFile: string; identities: Identities; journalSecret: () => string }) {
    this.journalSecret = parts.journalSecret;
    this.#log = parts.log;
    this.#identities = parts.identities;
    this.#desk = new ServiceDesk(parts.log, (instrument, service, reason) => {
      const subject = `platform.${instrument}.${service}`;
      this.#attempts.add({ instrument, operation: 'ask', subject, reason });
    });
    this.#journal = new Journal(parts.journalSecret, this.#entries, parts.log);
    const onLine = (line: string): void => {
      const refusal = refusalInLine(line);
      if (refusal !== undefined) this.#attempts.add(refusal);
    };
    this.#serverLog = new ServerLog(parts.logFile, onLine, parts.log);
  }

  serve(service: string, handler: ServiceHandler): () => void {
    return this.#desk.serve(service, handler);
  }

  onRefused(listener: (attempt: RefusedAttempt) => void): () => void {
    return this.#attempts.listen(listener);
  }

  refused(): RefusedAttempt[] {
    return this.#attempts.list();
  }

  onMessage(listener: (entry: JournalEntry) => void): () => void {
    return this.#entries.listen(listener);
  }

  /** Before the server is started or adopted: what it says from now on is read. */
  async begin(): Promise<void> {
    await this.#serverLog.begin();
    this.#minute ??= setInterval(() => {
      this.#attempts.tellCounts();
      this.#entries.tellCounts();
    }, MINUTE_MS).unref();
  }

  async follow({ system, platform }: Connected, model: BusModel): Promise<void> {
    this.#desk.follow(platform, model);
    this.#journal.follow(platform, model);
    if (this.#system !== system) {
      this.#system = system;
      this.#listen('$SYS.ACCOUNT.*.DISCONNECT', refusalInDisconnect);
      this.#listen('$SYS.SERVER.*.CLIENT.AUTH.ERR', (advisory) =>
        refusalInAuthentication(advisory, (publicKey) => this.#identities.ownerOf(publicKey)),
      );
    }
    // Whoever is told that the bus stands may ask at once.
    await platform.flush();
  }

  /** Sends a control command, as {@link requestControl}, and records what came of it. */
  async request(
    platform: Connected['platform'],
    ...[instrument, command, payload, timeoutMs]: Parameters<Bus['request']>
  ): Promise<unknown> {
    const ask = () => requestControl(platform, instrument, command, payload, timeoutMs);
    return ROUTINE.includes(command) ? ask() : this.#recorded(instrument, `control.${command}`, ask);
  }

  /** Sends a command as `platform`, as {@link sendAsPlatform}, and records what came of it. */
  async send(
    platform: Connected['platform'],
    ...[to, command, payload, timeoutMs, how]: Parameters<Bus['send']>
  ): Promise<CommandReply> {
    const ask = () => sendAsPlatform(platform, to, command, payload, timeoutMs);
    return how?.routine === true ? ask() : this.#recorded(to, command, ask);
  }

  async end(): Promise<void> {
    clearInterval(this.#minute);
    this.#desk.close();
    this.#journal.close();
    await this.#serverLog.end();
    this.#attempts.tellCounts();
    this.#entries.tellCounts();
  }

  async #recorded<T>(to: string, command: string, work: () => Promise<T>): Promise<T> {
    const started = performance.now();
    const tell = (reply: unknown): void => {
      this.#journal.platformSent(to, command, Math.round(performance.now() - started), reply);
    };
    try {
      const reply = await work();
      tell(reply);
      return reply;
    } catch (error) {
      tell(error);
      throw error;
    }
  }

  #listen(subject: string, read: (advisory: unknown) => ReturnType<typeof refusalInDisconnect>): void {
    this.#system?.subscribe(subject, {
      callback: (error, message) => {
        if (error !== null) return;
        try {
          const refusal = read(message.json());
          if (refusal !== undefined) this.#attempts.add(refusal);
        } catch (fault) {
          this.#log.debug({ subject, reason: describeError(fault) }, 'an advisory cannot be read');
        }
      },
    });
  }
}
