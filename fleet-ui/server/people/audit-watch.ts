import type { AttentionItem, AuditCheck } from '@bulkhead/fleet-api';
import { describeError, type Logger } from '@bulkhead/platform/kernel';
import type { AuditLog } from './audit.ts';

const DAY_MS = 86_400_000;

/** Looks at the start and once a day whether the audit log is whole, and says so where it is not. */
export class AuditWatch {
  readonly #audit: AuditLog;
  readonly #log: Logger;
  readonly #end = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();
  #fault: AuditCheck['fault'] = null;

  constructor(audit: AuditLog, log: Logger) {
    this.#audit = audit;
    this.#log = log;
  }

  start(): void {
    this.#looking = this.#look();
    this.#timer = setInterval(() => {
      this.#looking = this.#look();
    }, DAY_MS);
    this.#timer.unref();
  }

  /** Returns when nothing reads the store any more. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#end.abort();
    await this.#looking;
  }

  attention(): AttentionItem[] {
    if (this.#fault === null) return [];
    return [
      {
        id: 'audit-log',
        severity: 'critical',
        title: 'The audit log was changed',
        text:
          `Entry ${String(this.#fault.id)} ${this.#fault.text}: somebody or something wrote into the database of the fleet. ` +
          'Keep a copy of it, compare with exports and backups, and see who has access to the machine.',
        link: '/audit',
      },
    ];
  }

  async #look(): Promise<void> {
    try {
      const { fault, entries, head } = await this.#audit.check(this.#end.signal);
      if (this.#end.signal.aborted) return;
      this.#fault = fault;
      // Outside of the database: a chain that was computed anew does not fit it.
      if (fault === null) this.#log.info({ entries, head }, 'the audit log is whole');
      else this.#log.error({ fault, entries, head }, 'the audit log was changed');
    } catch (error) {
      this.#log.error({ err: error }, `the audit log could not be checked: ${describeError(error)}`);
    }
  }
}
