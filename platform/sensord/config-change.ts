import { setTimeout as sleep } from 'node:timers/promises';
import type { PlatformEventType } from '../contracts/index.ts';
import { BulkheadError, describeError, type Logger } from '../kernel/index.ts';
import type { Configuration, Prepared } from './configuration.ts';
import type { ForeseenChange } from './config-plan.ts';
import { expectations, settled, touched, type SettleView } from './config-settle.ts';
import { digestOf, type DesiredState } from './desired.ts';
import {
  cleanAuthor,
  cleanReason,
  normaliseDocument,
  textDigest,
  type Revision,
} from './revisions-format.ts';

/** The running sensor, as far as a change of its configuration needs it. */
export interface ChangeTarget extends SettleView {
  /** Brings what is to what is desired, as far as it goes now. */
  settle: () => Promise<void>;
  /** Forgets failures of an instrument: a new configuration deserves a fresh try. */
  release: (instrument: string) => void;
  foresee: (desired: DesiredState) => Promise<ForeseenChange>;
}

export interface ConfigChangeParts {
  log: Logger;
  configuration: Configuration;
  target: ChangeTarget;
  checkDevice: (device: string) => Promise<{ ok: true } | { ok: false; reason: string }>;
  publish: (type: PlatformEventType, record: Record<string, unknown>) => void;
  /** After every change of what is desired. */
  onChanged: () => void;
}

/** A change that somebody asks for. */
export interface ChangeRequest {
  /** The new document, or what makes it of the one that is in force when the change's turn comes. */
  document: string | ((inForce: string) => string);
  author: string;
  reason: string;
  origin: Revision['origin'];
  restores?: number | undefined;
  /** Refuse unless this revision is in force when the change's turn comes. */
  expectRevision?: number | undefined;
  /** How long instruments may take to get healthy. */
  timeoutMs: number;
  /**
   * What may undo the change. `instruments` (unless said): who was healthy must be healthy. `steps`: what has to be done must
   * succeed; what instruments say does not count. `nothing`: for what is taken away, which nobody may get back by failing.
   */
  watch?: 'instruments' | 'steps' | 'nothing' | undefined;
}

/** How a change ended well. */
export interface ChangeOutcome {
  changed: boolean;
  /** The revision in force. */
  revision: number;
}

export const SETTLE_TIMEOUT_MS = 60_000;
/** Instruments must stay healthy for this long: long enough for two answers. */
const STABLE_MS = 3_000;
const LOOK_EVERY_MS = 250;

/**
 * Changes the configuration of a running sensor, each change as a transaction: stored, brought in force, watched until
 * everybody who was healthy is healthy again, committed; else what was in force before is brought in force again.
 *
 * INVARIANTS: one change at a time, in the order in which they were asked for; the revision in force is shown as such
 * only after its commit; a change ends in `applied` or `failed` in the history, or, when the sensor ends meanwhile,
 * is closed as failed at the next start. `stop` interrupts the change that is being watched.
 */
export class ConfigChanges {
  readonly #parts: ConfigChangeParts;
  readonly #stopping = new AbortController();
  #turn: Promise<unknown> = Promise.resolve();

  constructor(parts: ConfigChangeParts) {
    this.#parts = parts;
  }

  /**
   * @throws BulkheadError SENSORD_CONFIG_INVALID, SENSORD_CONFIG_UNUSABLE, SENSORD_CONFIG_CONFLICT (nothing was tried),
   *         SENSORD_CONFIG_ROLLED_BACK (it was tried, and what was in force before is in force again).
   */
  async apply(request: ChangeRequest): Promise<ChangeOutcome> {
    return this.#exclusive(async () => {
      const { configuration } = this.#parts;
      const current = this.#current();
      expectRevision(request.expectRevision, current.number);
      const given = request.document;
      const document = normaliseDocument(typeof given === 'string' ? given : given(current.document));
      if (document === current.document) return { changed: false, revision: current.number };
      const next = await configuration.prepare(document, 'The document');
      await this.#refuseUnusable(next);
      return this.#transact(next, request);
    });
  }

  /** What a change would do; changes nothing. @throws BulkheadError SENSORD_CONFIG_INVALID */
  async foresee(document: string): Promise<ForeseenChange & { problems: string[] }> {
    const { configuration, target } = this.#parts;
    const next = await configuration.prepare(normaliseDocument(document), 'The document');
    return { ...(await target.foresee(next.desired)), problems: await this.#problems(next) };
  }

  /**
   * Imports the file when it changed, else looks up the packages of the revision in force again. In a file, an
   * instrument whose package cannot be had is no reason to refuse the others.
   */
  async reload(): Promise<{ changed: boolean }> {
    return this.#exclusive(async () => {
      const { configuration, target } = this.#parts;
      try {
        const document = (await configuration.changedFile()) ?? this.#failedImport();
        if (document !== undefined) return await this.#import(document);
        const current = this.#current();
        const next = await configuration.prepare(current.document, `Revision ${String(current.number)}`);
        const changed = configuration.accept(next, current);
        await target.settle();
        this.#parts.onChanged();
        return { changed };
      } catch (error) {
        configuration.refused(error);
        throw error;
      }
    });
  }

  /** No change begins any more; the one that is being watched is left as it is, for the next start to close. */
  stop(): void {
    this.#stopping.abort();
  }

  async #import(document: string): Promise<{ changed: boolean }> {
    const { configuration } = this.#parts;
    const { path } = configuration.state;
    const next = await configuration.prepare(document, path);
    const current = this.#current();
    if (document === current.document) {
      await configuration.revisions.noteImported(textDigest(document));
      return { changed: configuration.accept(next, current) };
    }
    return this.#transact(next, {
      document,
      author: 'file',
      reason: `read from ${path}`,
      origin: 'file',
      timeoutMs: SETTLE_TIMEOUT_MS,
    });
  }

  async #transact(next: Prepared, request: ChangeRequest): Promise<ChangeOutcome> {
    const { configuration, target, log } = this.#parts;
    const { revisions } = configuration;
    const before = configuration.inUse;
    const revision = await revisions.begin({
      document: next.document,
      digest: digestOf(next.config),
      author: cleanAuthor(request.author),
      reason: cleanReason(request.reason),
      origin: request.origin,
      basedOn: this.#current().number,
      ...(request.restores === undefined ? {} : { restores: request.restores }),
    });
    const { number } = revision;
    const importedBefore = await revisions.imported();
    if (request.origin === 'file') await revisions.noteImported(textDigest(next.document));
    log.info({ revision: number, author: revision.author }, 'a new configuration is being brought in force');
    try {
      await this.#bringInForce(before, next, number, request);
      await revisions.commit(number);
    } catch (error) {
      if (this.#stopping.signal.aborted) {
        // Nobody knows whether it would have gone well: the next start reads the file again. After a crash it does not,
        // because the document may have been the reason.
        if (request.origin === 'file') await revisions.noteImported(importedBefore ?? '');
        throw interrupted(number);
      }
      throw await this.#rollBack(before, next, revision, describeError(error));
    }
    configuration.accept(next, revision);
    this.#parts.onChanged();
    this.#parts.publish('configuration.applied', {
      revision: number,
      author: revision.author,
      reason: revision.reason,
    });
    await target.settle();
    return { changed: true, revision: number };
  }

  async #bringInForce(
    before: Prepared,
    next: Prepared,
    number: number,
    { timeoutMs, watch = 'instruments' }: ChangeRequest,
  ): Promise<void> {
    const { configuration, target } = this.#parts;
    const { signal } = this.#stopping;
    const expected = watch === 'instruments' ? expectations(before.desired, next.desired, target) : [];
    const failingBefore = new Set(target.failing().keys());
    const changed = touched(before.desired, next.desired);
    for (const { name } of changed) target.release(name);
    configuration.use(next, number);
    await target.settle();
    // From here on: steps take what they take (an image on a slow machine), and instruments have not answered before.
    const deadline = performance.now() + timeoutMs;
    if (watch === 'nothing') return;
    let goodSince: number | undefined;
    for (;;) {
      signal.throwIfAborted();
      const now = settled(expected, target, failingBefore);
      if (now.state === 'failed') throw new Error(now.reason);
      if (now.state === 'settled') {
        goodSince ??= performance.now();
        // Nobody was touched: there is nothing that could still fall over.
        if (changed.length === 0 || performance.now() - goodSince >= STABLE_MS) return;
      } else {
        goodSince = undefined;
        if (performance.now() > deadline) {
          throw new Error(`after ${String(Math.round(timeoutMs / 1000))} s ${now.missing.join(', ')}`);
        }
      }
      await sleep(LOOK_EVERY_MS, undefined, { signal });
    }
  }

  /** @returns the error to throw. */
  async #rollBack(before: Prepared, next: Prepared, revision: Revision, why: string): Promise<BulkheadError> {
    const { configuration, target, log, publish } = this.#parts;
    const { number } = revision;
    const back = this.#current().number;
    log.error({ revision: number, why }, `the configuration is rolled back to revision ${String(back)}`);
    for (const { name } of touched(next.desired, before.desired)) target.release(name);
    configuration.use(before, undefined);
    await target.settle();
    const stuck = [...target.failing().values()].slice(0, 3);
    const reason =
      stuck.length === 0 ? why : `${why}; on the way back: ${stuck.join('; ')} (this is tried again)`;
    await configuration.revisions.fail(number, reason);
    publish('configuration.failed', {
      revision: number,
      author: revision.author,
      error: reason.slice(0, 1000),
      rolledBackTo: back,
    });
    const error = new BulkheadError({
      code: 'SENSORD_CONFIG_ROLLED_BACK',
      message: `Revision ${String(number)} did not work: ${reason}. Revision ${String(back)} is in force again.`,
      hint: '`bulkhead logs INSTRUMENT` shows what an instrument said; correct the document and apply it again.',
      fields: { revision: number, rolledBackTo: back },
    });
    configuration.refused(error);
    return error;
  }

  async #refuseUnusable(next: Prepared): Promise<void> {
    const problems = await this.#problems(next);
    if (problems.length === 0) return;
    throw new BulkheadError({
      code: 'SENSORD_CONFIG_UNUSABLE',
      message: `The configuration cannot be brought in force: ${problems.join('; ')}.`,
      hint: 'Correct what is named; nothing was changed.',
      fields: { problems: problems.length },
    });
  }

  /** In words; what is already so with the configuration in force is not held against a new one. */
  async #problems(next: Prepared): Promise<string[]> {
    const { desired } = this.#parts.configuration;
    const instruments = next.desired.problems
      .filter(
        (one) =>
          !desired.problems.some((old) => old.instrument === one.instrument && old.error === one.error),
      )
      .map(({ instrument, error }) => `${instrument}: ${error}`);
    const devices: string[] = [];
    for (const { name, device } of next.desired.monitors) {
      if (desired.monitors.some((old) => old.device === device)) continue;
      const verdict = await this.#parts.checkDevice(device);
      if (!verdict.ok) devices.push(`monitor interface ${name}: ${verdict.reason}`);
    }
    return [...devices, ...instruments];
  }

  /** The file's document when its import was tried and failed: who reloads wants it tried again. */
  #failedImport(): string | undefined {
    const last = this.#parts.configuration.revisions
      .list()
      .filter(({ revision }) => revision.origin === 'file')
      .at(-1);
    const newest = (last?.revision.number ?? 0) > this.#current().number;
    return newest && last?.result?.state === 'failed' ? last.revision.document : undefined;
  }

  #current(): Revision {
    const { current } = this.#parts.configuration.revisions;
    if (current === undefined) throw new Error('no configuration was loaded yet');
    return current;
  }

  async #exclusive<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(() => {
      this.#stopping.signal.throwIfAborted();
      return work();
    });
    this.#turn = turn.catch(() => undefined);
    return turn;
  }
}

function expectRevision(expected: number | undefined, current: number): void {
  if (expected === undefined || expected === current) return;
  throw new BulkheadError({
    code: 'SENSORD_CONFIG_CONFLICT',
    message: `Revision ${String(current)} is in force, not ${String(expected)}: somebody changed the configuration meanwhile.`,
    hint: 'Look at `bulkhead config diff` between the two, and apply your change on top of the newer one.',
    fields: { expected, current },
  });
}

function interrupted(number: number): BulkheadError {
  return new BulkheadError({
    code: 'SENSORD_CONFIG_ROLLED_BACK',
    message: `The sensor is ending while revision ${String(number)} was being brought in force; the one before it stays.`,
    hint: 'Apply the document again when the sensor runs.',
    fields: { revision: number },
  });
}
