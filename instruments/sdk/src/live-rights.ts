import type { z } from 'zod';
import { InstrumentError } from './errors.ts';
import { freeze, InstrumentRightsSchema, pointerOf, type InstrumentFile } from './instrument-file.ts';
import type { InstrumentLog } from './log.ts';

/** The part of `instrument.json` that may change while the instrument runs. */
export type InstrumentRights = z.output<typeof InstrumentRightsSchema>;

/** What was given and what was taken away. */
export interface RightsChange {
  given: Readonly<InstrumentRights>;
  taken: Readonly<InstrumentRights>;
}

/** What the callback of `onRights` may answer; nothing = the rights are used from now on. */
export interface RightsAnswer {
  /** What was given is used after the next start only. */
  restart?: boolean;
  detail?: string;
}

export type OnRights = (change: RightsChange) => Promise<RightsAnswer | undefined> | RightsAnswer | undefined;

/** Reply to `control.<name>.rights`. */
export interface RightsReply {
  ok: true;
  restart: boolean;
  detail?: string;
}

/**
 * The rights of a running instrument. Taking away is the server's work and done before we are told; this keeps the
 * instrument's own view in step, so that what was given works at once and what was taken is refused with a reason.
 *
 * INVARIANTS: changes are taken one after another; `file` is replaced whole and always frozen.
 */
export class LiveRights {
  readonly #log: InstrumentLog;
  readonly #permit: (types: readonly string[]) => void;
  /** Kinds of event that were given since the start and that nobody here is prepared to read. */
  readonly #unread = new Set<string>();
  #file: InstrumentFile;
  #callback: OnRights | undefined;
  #restart: string | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(file: InstrumentFile, log: InstrumentLog, permit: (types: readonly string[]) => void) {
    this.#file = file;
    this.#log = log;
    this.#permit = permit;
  }

  get file(): InstrumentFile {
    return this.#file;
  }

  onChange(callback: OnRights): void {
    this.#callback = callback;
  }

  /** @throws InstrumentError BUS_FILE_INVALID when the payload is not rights; nothing is changed then. */
  take(payload: unknown): Promise<RightsReply> {
    const turn = this.#last.then(() => this.#take(parse(payload)));
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  async #take(rights: InstrumentRights): Promise<RightsReply> {
    const before = this.#file;
    const change: RightsChange = freeze({ given: without(rights, before), taken: without(before, rights) });
    this.#file = freeze({ ...before, ...rights });
    this.#permit(rights.publish);
    for (const read of change.taken.read) this.#unread.delete(keyOf(read));
    if ([...Object.values(change.given), ...Object.values(change.taken)].some((list) => list.length > 0)) {
      this.#log.info('the rights changed', { given: inWords(change.given), taken: inWords(change.taken) });
      await this.#tell(change);
    }
    const unread = this.#unread.size > 0 ? 'it reads a new kind of event after its next start' : undefined;
    const detail = this.#restart ?? unread;
    return { ok: true, restart: detail !== undefined, ...(detail === undefined ? {} : { detail }) };
  }

  async #tell(change: RightsChange): Promise<void> {
    if (this.#callback === undefined) {
      for (const read of change.given.read) this.#unread.add(keyOf(read));
      return;
    }
    try {
      const answer = (await this.#callback(change)) ?? {};
      if (answer.restart === true)
        this.#restart = (answer.detail ?? 'it takes it up at its next start').slice(0, 500);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#log.error('changed rights could not be taken up', { reason });
      this.#restart = reason.slice(0, 500);
    }
  }
}

function parse(payload: unknown): InstrumentRights {
  const result = InstrumentRightsSchema.safeParse(payload);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new InstrumentError({
    code: 'BUS_FILE_INVALID',
    message: `The changed rights are not valid: ${pointerOf(issue?.path ?? [])}: ${issue?.message ?? 'not valid'}`,
    cause: result.error,
  });
}

/** What is in `these` and not in `those`. */
function without(these: InstrumentRights, those: InstrumentRights): InstrumentRights {
  const missing = <T>(mine: readonly T[], others: readonly T[]): T[] => {
    const known = new Set(others.map(keyOf));
    return mine.filter((right) => !known.has(keyOf(right)));
  };
  return {
    publish: missing(these.publish, those.publish),
    read: missing(these.read, those.read),
    send: missing(these.send, those.send),
    accept: missing(these.accept, those.accept),
    services: missing(these.services, those.services),
  };
}

function keyOf(right: unknown): string {
  return typeof right === 'string' ? right : Object.values(right as object).join(' ');
}

function inWords({ publish, read, send, accept, services }: Readonly<InstrumentRights>): string {
  return [
    ...publish.map((type) => `publish ${type}`),
    ...read.map(({ from, type }) => `read ${from}/${type}`),
    ...send.map(({ to, command }) => `send ${to}/${command}`),
    ...accept.map((command) => `accept ${command}`),
    ...services.map((service) => `ask ${service}`),
  ].join(', ');
}
