import type { InstrumentLog } from '@bulkhead/sdk';
import type { DocumentStore } from '../documents/document-store.ts';
import { RulesError, saidBy } from '../errors.ts';
import { LIVE, PINNED, type Builder } from './builder.ts';
import type { Ids } from './ids.ts';
import type { JobStore, TargetRecord } from './job-store.ts';
import type { Pipeline } from './pipeline.ts';

export interface ReconcilerOptions {
  builder: Builder;
  documents: DocumentStore;
  jobs: JobStore;
  pipeline: Pipeline;
  /** IDSs by name, with the rights that are missing. */
  granted: () => { name: string; missing: string[] }[];
  ids: (name: string) => Ids;
  autoDeploy: () => boolean;
  /** How long nothing must change before what changed is deployed. */
  quietMs: () => number;
  checkMs: () => number;
  changed: () => void;
  log: InstrumentLog;
}

/** The ruleset that follows from what is wanted. */
export interface Wanted {
  version: string;
  enabled: number;
}

/**
 * Sees to it that each IDS runs what is wanted: at the start, after a change, when something expires, and when an IDS says that
 * it runs something else.
 *
 * INVARIANTS: one look at a time. Nothing is tried twice that an IDS refused, until something changes.
 */
export class Reconciler {
  readonly #options: ReconcilerOptions;
  #wanted: Wanted | undefined;
  /** What was wanted when a build was refused: not tried again by itself. */
  #unbuildable: { version: string; code: string; message: string } | undefined;
  #dirty = true;
  #changedAt = -Infinity;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
  }

  get wanted(): Wanted | undefined {
    return this.#wanted;
  }

  /** Why what is wanted cannot be built. */
  get trouble(): { code: string; message: string } | undefined {
    const { wanted } = this;
    const isLive = wanted !== undefined && this.#options.jobs.fact(LIVE) === wanted.version;
    return !isLive && this.#unbuildable?.version === wanted?.version ? this.#unbuildable : undefined;
  }

  /** When what changed will be deployed, ms since 1970. */
  get deploysAtMs(): number | undefined {
    const due = this.#changedAt + this.#options.quietMs() - performance.now();
    const waits = this.#options.autoDeploy() && this.#pinned === undefined && due > 0;
    return waits && this.#behind().length > 0 ? Date.now() + due : undefined;
  }

  /** Says that what is wanted may have changed. */
  touch(): void {
    this.#dirty = true;
    this.#changedAt = performance.now();
    this.#plan(Math.min(200, this.#options.quietMs()));
  }

  /** Begins to look, or looks again soon: a job ended, a right was given. */
  start(): void {
    this.#dirty = true;
    this.#plan(0);
  }

  /** Looks now. */
  look(): Promise<void> {
    this.#looking = this.#looking
      .then(() => this.#look())
      .catch((error: unknown) => {
        this.#options.log.error('looking after the rulesets failed', saidBy(error));
      });
    return this.#looking;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#looking;
  }

  get #pinned(): string | undefined {
    return this.#options.jobs.fact(PINNED);
  }

  /**
   * What each IDS shall run: the version that a person went back to; else what is wanted; else, when only persons deploy, what
   * they deployed last. `kept`: it is deployed as it was kept.
   */
  get #goal(): { version: string | undefined; kept: boolean } {
    const { autoDeploy, jobs } = this.#options;
    const kept = this.#pinned ?? (autoDeploy() ? undefined : jobs.fact(LIVE));
    if (kept !== undefined || !autoDeploy()) return { version: kept, kept: true };
    return { version: this.#wanted?.version, kept: false };
  }

  #plan(afterMs: number): void {
    if (this.#stopped) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      void this.look().finally(() => {
        this.#plan(this.#nextMs());
      });
    }, afterMs);
  }

  /** The next look: at the end of the quiet time, when something expires, or after the usual time. */
  #nextMs(): number {
    const quiet = this.#changedAt + this.#options.quietMs() - performance.now();
    const expiry = (this.#options.documents.nextExpiry() ?? Infinity) - Date.now();
    return Math.max(100, Math.min(this.#options.checkMs(), quiet > 0 ? quiet : Infinity, expiry));
  }

  async #look(): Promise<void> {
    const { documents, pipeline, builder } = this.#options;
    if (documents.expire(Date.now()) > 0) this.#dirty = true;
    if (pipeline.job !== undefined) return;
    await this.#ask();
    if (this.#dirty) {
      this.#dirty = false;
      const compiled = await builder.compile();
      this.#wanted = { version: compiled.id, enabled: compiled.sids.length };
      this.#options.changed();
    }
    this.#deploy();
  }

  /** Asks each IDS what it runs. */
  async #ask(): Promise<void> {
    const { jobs, granted, ids } = this.#options;
    const all = granted();
    for (const { name } of jobs.targets()) {
      if (!all.some((one) => one.name === name)) jobs.dropTarget(name);
    }
    await Promise.all(
      all.map(async ({ name, missing }) => {
        const { code: _code, message: _message, ...known } = jobs.target(name);
        if (missing.length > 0) {
          const message = `not granted: ${missing.join(', ')}`;
          jobs.putTarget({ ...known, state: 'not-permitted', code: 'RULES_NO_TARGET', message });
          return;
        }
        try {
          const { version, rules } = await ids(name).status();
          const { version: _version, ...rest } = jobs.target(name);
          const now = { ...rest, ruleCount: rules, askedAt: new Date().toISOString() };
          jobs.putTarget({ ...now, ...(version === null ? {} : { version }), state: 'behind' });
        } catch (error) {
          jobs.putTarget({ ...known, state: 'failed', ...saidBy(error) });
        }
      }),
    );
    this.#options.changed();
  }

  /** Permitted IDSs that answered and run something else than they shall. */
  #behind(): TargetRecord[] {
    const { version: goal } = this.#goal;
    const { jobs, granted } = this.#options;
    const permitted = granted()
      .filter(({ missing }) => missing.length === 0)
      .map(({ name }) => name);
    return jobs
      .targets()
      .filter((target) => permitted.includes(target.name) && target.askedAt !== undefined)
      .filter((target) => goal !== undefined && target.version !== goal);
  }

  #deploy(): void {
    const { pipeline, jobs, quietMs } = this.#options;
    const { version: goal, kept } = this.#goal;
    const behind = this.#behind();
    for (const target of jobs.targets()) {
      if (target.state !== 'behind' && target.state !== 'refused' && target.state !== 'live') continue;
      jobs.putTarget(settled(target, goal, behind));
    }
    const nothingYet = this.#wanted?.enabled === 0 && jobs.fact(LIVE) === undefined;
    const quiet = performance.now() - this.#changedAt >= quietMs();
    if (goal === undefined || (!kept && (nothingYet || !quiet))) return;
    if (!kept && this.#unbuildable?.version === goal) return;
    const due = behind.filter(
      (target) =>
        target.state === 'behind' && target.refusedVersion !== goal && target.notBeforeMs <= Date.now(),
    );
    if (due.length === 0) return;
    try {
      pipeline.start({
        kind: 'deploy',
        author: 'rule-manager',
        reason: kept
          ? 'The IDS ran something else than what a person deployed.'
          : 'What is wanted changed, or the IDS ran something else.',
        force: false,
        ...(kept ? { version: goal } : {}),
        targets: due.map(({ name }) => name),
      });
    } catch (error) {
      if (!(error instanceof RulesError)) throw error;
    }
  }

  /** Remembers that a ruleset could not be built. */
  unbuildable(version: string, reason: { code: string; message: string }): void {
    this.#unbuildable = { version, ...reason };
  }
}

/** An IDS that answered, compared with what it shall run. */
function settled(
  target: TargetRecord,
  goal: string | undefined,
  behind: readonly TargetRecord[],
): TargetRecord {
  if (behind.some(({ name }) => name === target.name)) {
    return { ...target, state: goal !== undefined && target.refusedVersion === goal ? 'refused' : 'behind' };
  }
  const { code: _code, message: _message, refusedVersion: _refused, ...rest } = target;
  return { ...rest, state: target.version === undefined ? 'behind' : 'live' };
}
