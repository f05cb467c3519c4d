import type { InstrumentLog } from '@bulkhead/sdk';
import type { By, DocumentStore } from '../documents/document-store.ts';
import { LIVE } from './builder.ts';
import type { Outcome } from './deploy-one.ts';
import type { JobStore, TargetRecord } from './job-store.ts';
import type { KeptVersion, VersionStore } from './version-store.ts';

export interface OutcomeKeeperOptions {
  versions: VersionStore;
  jobs: JobStore;
  documents: Pick<DocumentStore, 'note'>;
  publish: (type: 'ruleset.deployed' | 'ruleset.refused', record: Record<string, unknown>) => void;
  log: InstrumentLog;
}

const RETRY_MS = 30_000;
const MOST_RETRY_MS = 3_600_000;

/** Remembers, and tells, how a version went with an IDS. */
export class OutcomeKeeper {
  readonly #options: OutcomeKeeperOptions;

  constructor(options: OutcomeKeeperOptions) {
    this.#options = options;
  }

  settle(name: string, version: KeptVersion, outcome: Outcome, order: By & { kind: string }): void {
    if (outcome.state === 'live') this.#live(name, version, outcome, order);
    else this.#notLive(name, version, outcome, order);
  }

  /** Something of ours failed: the same again at once would fail again. */
  putOff(names: readonly string[], reason: { code: string; message: string }): void {
    for (const name of names) {
      const target = this.#options.jobs.target(name);
      const failures = target.failures + 1;
      const notBeforeMs = Date.now() + waitOf(failures);
      this.#options.jobs.putTarget({ ...target, ...reason, state: 'failed', failures, notBeforeMs });
    }
  }

  /** A ruleset that is not taken: by us, or by an IDS. */
  refused(
    version: string,
    rules: number,
    { author }: By,
    { code, message }: { code: string; message: string },
    ids?: string,
  ): void {
    const { documents, publish, log } = this.#options;
    documents.note({
      author: ids ?? 'rule-manager',
      action: 'refused',
      kind: 'ruleset',
      subject: version,
      reason: message.slice(0, 500),
    });
    const about = { version, ...(ids === undefined ? {} : { ids }), rules, code, message, author };
    publish('ruleset.refused', about);
    log.warn('a ruleset was refused', about);
  }

  #live(
    name: string,
    version: KeptVersion,
    outcome: Extract<Outcome, { state: 'live' }>,
    { kind, author, reason }: By & { kind: string },
  ): void {
    const { jobs, versions, documents, publish } = this.#options;
    const { refusedVersion: _refused, code: _code, message: _message, ...before } = jobs.target(name);
    jobs.putTarget({
      ...before,
      state: 'live',
      version: version.id,
      ruleCount: outcome.ruleCount,
      askedAt: new Date().toISOString(),
      failures: 0,
      notBeforeMs: 0,
    });
    const last = jobs.fact(LIVE);
    if (last !== undefined && last !== version.id) versions.change(last, { state: 'was-live' });
    jobs.putFact(LIVE, version.id);
    versions.change(version.id, { state: 'live', faults: [], ...alertsOf(outcome) });
    const action = kind === 'rollback' ? 'rollback' : 'deploy';
    documents.note({ author, reason, action, kind: 'ruleset', subject: version.id });
    publish('ruleset.deployed', { version: version.id, ids: name, rules: version.rules, author, reason });
  }

  #notLive(
    name: string,
    version: KeptVersion,
    outcome: Exclude<Outcome, { state: 'live' }>,
    order: By & { kind: string },
  ): void {
    const { jobs, versions } = this.#options;
    const { state, code, message, faults } = outcome;
    const before = jobs.target(name);
    const failures = state === 'failed' ? before.failures + 1 : before.failures;
    const target: TargetRecord = { ...before, state, code, message, failures };
    if (state === 'failed') {
      jobs.putTarget({ ...target, notBeforeMs: Date.now() + waitOf(failures) });
      return;
    }
    jobs.putTarget({ ...target, notBeforeMs: 0, refusedVersion: version.id });
    const isLive = jobs.fact(LIVE) === version.id;
    versions.change(version.id, {
      ...(isLive ? {} : { state: 'refused' }),
      code,
      message,
      faults,
      ...alertsOf(outcome),
    });
    this.refused(version.id, version.rules, order, { code, message }, name);
  }
}

function alertsOf({ captureAlerts }: Outcome): Pick<KeptVersion, 'captureAlerts'> {
  return captureAlerts === undefined ? {} : { captureAlerts };
}

/** Time until the next try by itself, ms. */
function waitOf(failures: number): number {
  return Math.min(MOST_RETRY_MS, RETRY_MS * 2 ** Math.min(failures - 1, 10));
}
