import { createHash } from 'node:crypto';
import type { ConfigResult, DesiredConfig } from '../contracts/fleet/index.ts';
import { BulkheadError, describeError, type Logger } from '../kernel/index.ts';
import { printable } from './enrolment.ts';
import type { DesiredRecord, MembershipStore } from './membership.ts';
import { fleetAuthor } from './roles.ts';

export interface DesiredConfigParts {
  log: Logger;
  store: Pick<MembershipStore, 'desired' | 'writeDesired' | 'forgetDesired'>;
  /** @throws BulkheadError when the document would cut the sensor off from its fleet, or is none. */
  check: (document: string) => Promise<void>;
  /**
   * Brings it in force as a revision of the sensor. @throws BulkheadError FLEET_LINK_CONFIG_INTERRUPTED when the sensor ends
   * meanwhile: it is then tried again after the next start.
   */
  apply: (document: string, author: string, reason: string) => Promise<{ revision: number }>;
  /** Tells the fleet; what is lost is told again with the next attach. */
  report: (result: ConfigResult) => void;
}

/**
 * What the fleet wants this sensor to be, brought in force once each.
 *
 * INVARIANTS: one at a time, in the order of their revisions; of those that wait only the newest is tried. What became of the
 * newest is on disk before it is told, so it is not tried twice, whoever restarts; one during which the sensor died is not tried
 * again by itself, because it may have been the reason. `receive` returns at once.
 */
export class DesiredConfigs {
  readonly #parts: DesiredConfigParts;
  #record: DesiredRecord | undefined;
  #next: DesiredConfig | undefined;
  #working: Promise<void> | undefined;

  constructor(parts: DesiredConfigParts) {
    this.#parts = parts;
  }

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

  /** Revision of the fleet that is in force; 0 = none. */
  get inForce(): number {
    return this.#record?.inForce ?? 0;
  }

  get record(): DesiredRecord | undefined {
    return this.#record;
  }

  /** Forgets everything: another fleet counts anew. */
  async forget(): Promise<void> {
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
    const head = { version: 1 as const, revision, digest: digestOf(wanted), inForce };
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
      });
    } catch (error) {
      if (error instanceof BulkheadError && error.code === 'FLEET_LINK_CONFIG_INTERRUPTED') {
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
