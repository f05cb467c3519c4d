import { createHash } from 'node:crypto';
import type { ConfigResult, DesiredConfig } from '../contracts/fleet/index.ts';
import { BulkheadError, describeError, type Logger } from '../kernel/index.ts';
import { printable } from './enrolment.ts';
import { proveLink, type ProofPace } from './link-proof.ts';
import type { DesiredRecord, MembershipStore } from './membership.ts';
import { fleetAuthor } from './roles.ts';

/** A configuration that is in force now. */
export interface AppliedConfig {
  /** Of the sensor. */
  revision: number;
  /** What was in force before; absent: nothing was changed. */
  before?: number | undefined;
}

export interface DesiredConfigParts {
  log: Logger;
  store: Pick<MembershipStore, 'desired' | 'writeDesired' | 'forgetDesired'>;
  /** @throws BulkheadError when the document would cut the sensor off from its fleet, or is none. */
  check: (document: string) => Promise<void>;
  /**
   * Brings it in force as a revision of the sensor. @throws BulkheadError FLEET_LINK_CONFIG_INTERRUPTED when the sensor ends
   * meanwhile: it is then tried again after the next start.
   */
  apply: (document: string, author: string, reason: string) => Promise<AppliedConfig>;
  /** What is needed to find out whether a configuration cost the sensor its link; absent: it is not found out. */
  proof?: {
    reached: () => boolean;
    /**
     * Brings `to` in force again. @throws BulkheadError when `from` is not in force any more, or it did not go well;
     * FLEET_LINK_CONFIG_INTERRUPTED when the sensor ends meanwhile.
     */
    goBack: (from: number, to: number, reason: string) => Promise<void>;
    pace: ProofPace;
  };
  /** Tells the fleet; what is lost is told again with the next attach. */
  report: (result: ConfigResult) => void;
}

/**
 * What the fleet wants this sensor to be, brought in force once each.
 *
 * INVARIANTS: one at a time, in the order of their revisions; of those that wait only the newest is tried. What became of the
 * newest is on disk before it is told, so it is not tried twice, whoever restarts; one during which the sensor died is not tried
 * again by itself, because it may have been the reason. `receive` returns at once. When the fleet stays out of reach after one was
 * brought in force, what was before it is brought in force again, once, unless somebody changed the configuration meanwhile.
 */
export class DesiredConfigs {
  readonly #parts: DesiredConfigParts;
  #record: DesiredRecord | undefined;
  #next: DesiredConfig | undefined;
  #working: Promise<void> | undefined;
  #proof: { end: AbortController; over: Promise<void> } | undefined;

  constructor(parts: DesiredConfigParts) {
    this.#parts = parts;
  }

  /** Reads what is known. */
  async open(): Promise<void> {
    const record = await this.#parts.store.desired();
    this.#record = record;
    if (record?.state !== 'applying') return;
    await this.#keep({
      ...record,
      state: 'failed',
      code: 'FLEET_LINK_CONFIG_INTERRUPTED',
      message: `The sensor ended while it brought revision ${String(record.revision)} of the fleet in force.`,
    });
  }

  /** From now on the fleet should be in reach: what an earlier run brought in force and did not see proven counts from here. */
  prove(): void {
    if (this.#record?.state === 'applied' && this.#proof === undefined) this.#prove(this.#record);
  }

  /** Revision of the fleet that is in force; 0 = none. */
  get inForce(): number {
    return this.#record?.inForce ?? 0;
  }

  get record(): DesiredRecord | undefined {
    return this.#record;
  }

  /** In words: the newest that is not in force. */
  attention(): string[] {
    if (this.#record?.state !== 'failed') return [];
    const { revision, code, message } = this.#record;
    return [`revision ${String(revision)} of the fleet is not in force: ${code}: ${message}`];
  }

  /** Forgets everything: another fleet counts anew. */
  async forget(): Promise<void> {
    this.#proof?.end.abort();
    this.#record = undefined;
    this.#next = undefined;
    await this.#parts.store.forgetDesired();
  }

  receive(wanted: DesiredConfig): void {
    const record = this.#record;
    if (wanted.revision === record?.revision && isOf(record, wanted)) {
      if (record.state !== 'applying') this.#tell(record);
      return;
    }
    // What failed here does not count: a fleet that was restored from a backup gives its number to something else.
    const tried = record?.state === 'failed' ? record.inForce : (record?.revision ?? 0);
    const newest = Math.max(this.#next?.revision ?? 0, tried);
    if (wanted.revision < newest || wanted.revision === tried) {
      this.#fail(wanted.revision, old(wanted.revision, newest));
      return;
    }
    if (this.#next !== undefined && this.#next.revision !== wanted.revision) {
      this.#fail(
        this.#next.revision,
        new BulkheadError({
          code: 'FLEET_LINK_CONFIG_SUPERSEDED',
          message: `Revision ${String(wanted.revision)} came before the turn of ${String(this.#next.revision)}.`,
          hint: 'Look at the result of the newer one.',
        }),
      );
    }
    this.#next = wanted;
    this.#working ??= this.#work().finally(() => (this.#working = undefined));
  }

  /** Resolves when nothing is being brought in force. */
  async idle(): Promise<void> {
    await this.#working;
  }

  /** Nothing is proven any more, and nothing goes back; the next start goes on with it. */
  async stop(): Promise<void> {
    this.#proof?.end.abort();
    await this.#working;
    this.#proof?.end.abort();
    await this.#proof?.over;
  }

  async #work(): Promise<void> {
    for (;;) {
      const wanted = this.#next;
      if (wanted === undefined) return;
      this.#next = undefined;
      await this.#bring(wanted).catch((error: unknown) => {
        this.#parts.log.error(
          { err: error },
          `a configuration of the fleet got lost: ${describeError(error)}`,
        );
      });
    }
  }

  async #bring(wanted: DesiredConfig): Promise<void> {
    const { revision, configYaml, author, reason } = wanted;
    const { log, store, check, apply } = this.#parts;
    const before = this.#record;
    const inForce = this.inForce;
    // Whatever was to be proven: the fleet was reached.
    this.#proof?.end.abort();
    const head = {
      version: 1 as const,
      revision,
      digest: digestOf(wanted),
      inForce,
      back: 0,
      backInForce: 0,
    };
    try {
      const document = textOf(configYaml);
      await check(document);
      await this.#keep({ ...head, state: 'applying', code: '', message: '', sensorRevision: 0 });
      const why = `${printable(reason)} (fleet revision ${String(revision)})`;
      const outcome = await apply(document, fleetAuthor(author), why.trim());
      log.info({ revision, sensorRevision: outcome.revision }, 'a configuration of the fleet is in force');
      await this.#keep({
        ...head,
        state: 'applied',
        code: '',
        message: '',
        sensorRevision: outcome.revision,
        inForce: revision,
        back: this.#parts.proof === undefined ? 0 : (outcome.before ?? 0),
        backInForce: inForce,
      });
      if (this.#record !== undefined) this.#prove(this.#record);
    } catch (error) {
      if (isInterrupted(error)) {
        // An orderly end: as if it had not come yet. The fleet sends it again.
        this.#record = before;
        await (before === undefined ? store.forgetDesired() : store.writeDesired(before));
        return;
      }
      log.warn({ err: error, revision }, `a configuration of the fleet was refused: ${describeError(error)}`);
      const told = error instanceof BulkheadError ? error : undefined;
      await this.#keep({
        ...head,
        state: 'failed',
        code: told?.code ?? 'FLEET_LINK_CONFIG_INVALID',
        message: (told?.message ?? 'It could not be brought in force; the log of the sensor says why.').slice(
          0,
          4000,
        ),
        sensorRevision: 0,
      });
    }
    if (this.#record !== undefined) this.#tell(this.#record);
  }

  /** Finds out whether the fleet can still be reached, in the background. */
  #prove(record: DesiredRecord): void {
    if (record.back === 0 || this.#parts.proof === undefined) return;
    const end = new AbortController();
    const over = this.#proven(record, this.#parts.proof, end.signal).catch((error: unknown) => {
      this.#parts.log.error({ err: error }, `the way back was not taken: ${describeError(error)}`);
    });
    this.#proof = { end, over };
  }

  async #proven(
    record: DesiredRecord,
    { reached, goBack, pace }: NonNullable<DesiredConfigParts['proof']>,
    signal: AbortSignal,
  ): Promise<void> {
    const { revision, sensorRevision, back, backInForce } = record;
    const found = await proveLink(reached, pace, signal);
    const isMine = (): boolean => !signal.aborted && this.#record === record && this.#working === undefined;
    if (found === 'ended' || !isMine()) return;
    if (found === 'held') return this.#keep({ ...record, back: 0, backInForce: 0 });
    const seconds = String(Math.round(pace.lostMs / 1000));
    const message = `With revision ${String(revision)} the fleet was out of reach for ${seconds} s, so the sensor went back to what was in force before.`;
    this.#parts.log.error({ revision, back }, message);
    try {
      await goBack(sensorRevision, back, message);
    } catch (error) {
      // Somebody at the sensor changed it meanwhile, or it cannot be had back: it is not tried for ever. After an orderly end of the
      // sensor it is: the next start proves it anew.
      if (isMine() && !isInterrupted(error)) await this.#keep({ ...record, back: 0, backInForce: 0 });
      throw error;
    }
    if (!isMine()) return;
    await this.#keep({
      ...record,
      ...{ state: 'failed', code: 'FLEET_LINK_CONFIG_LINK_LOST', message, sensorRevision: 0 },
      ...{ inForce: backInForce, back: 0, backInForce: 0 },
    });
    if (this.#record !== undefined) this.#tell(this.#record);
  }

  async #keep(record: DesiredRecord): Promise<void> {
    this.#record = record;
    await this.#parts.store.writeDesired(record);
  }

  #tell({ revision, state, code, message, sensorRevision }: DesiredRecord): void {
    this.#parts.report({ revision, ok: state === 'applied', code, message, sensorRevision });
  }

  #fail(revision: number, { code, message }: BulkheadError): void {
    this.#parts.report({ revision, ok: false, code, message, sensorRevision: 0 });
  }
}

function isInterrupted(error: unknown): boolean {
  return error instanceof BulkheadError && error.code === 'FLEET_LINK_CONFIG_INTERRUPTED';
}

function old(revision: number, newest: number): BulkheadError {
  const what =
    revision === newest
      ? `Revision ${String(revision)} came before with another document.`
      : `Revision ${String(revision)} is older than ${String(newest)}, which came before it.`;
  return new BulkheadError({
    code: 'FLEET_LINK_CONFIG_OLD',
    message: what,
    hint: 'The fleet was perhaps restored from a backup. Decide there which configuration counts.',
  });
}

/** Is that the document which came under this number before? */
function isOf({ digest }: DesiredRecord, wanted: DesiredConfig): boolean {
  return digest === '' || digest === digestOf(wanted);
}

function digestOf({ configYaml }: DesiredConfig): string {
  return createHash('sha256').update(configYaml).digest('hex');
}

function textOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new BulkheadError({
      code: 'FLEET_LINK_CONFIG_INVALID',
      message: 'What the fleet sent as a configuration is no text.',
      hint: 'Correct it at the fleet; nothing was changed.',
      cause,
    });
  }
}
