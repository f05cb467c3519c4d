import { randomBytes } from 'node:crypto';
import type { InstrumentLog } from '@bulkhead/sdk';
import type { Job, JobTarget } from '../api/results.ts';
import { digestOf, type Compiled } from '../compile/compile.ts';
import type { By, DocumentStore } from '../documents/document-store.ts';
import { RulesError, saidBy } from '../errors.ts';
import type { RuleStore, Standing } from '../rules/rule-store.ts';
import type { Builder } from './builder.ts';
import { deployOne, filesOf, type Order, type Outcome } from './deploy-one.ts';
import type { Ids } from './ids.ts';
import { stageOf, type JobStore } from './job-store.ts';
import { OutcomeKeeper } from './outcome-keeper.ts';
import type { Outbox, OutboxFile } from './outbox.ts';
import type { KeptVersion, VersionStore } from './version-store.ts';

export interface PipelineOptions {
  builder: Builder;
  versions: VersionStore;
  jobs: JobStore;
  documents: Pick<DocumentStore, 'note'>;
  rules: RuleStore;
  standing: () => Standing;
  /** Whether what the IDS refuses of a source may be left out. */
  maySkip: (source: string) => boolean;
  outbox: Outbox;
  ids: (name: string) => Ids;
  /** Recorded traffic to try rulesets on, if there is some. */
  capture: () => Promise<{ bytes: Buffer; mustAlert: readonly number[] } | undefined>;
  publish: (type: 'ruleset.deployed' | 'ruleset.refused', record: Record<string, unknown>) => void;
  /** Called whenever something that is shown changed. */
  changed: () => void;
  /** Called when a job ended. */
  ended: () => void;
  /** Called when what is wanted cannot become a ruleset. */
  unbuildable: (version: string, reason: { code: string; message: string }) => void;
  log: InstrumentLog;
  signal: AbortSignal;
  maxMs: () => number;
  pollMs?: number;
}

/** What a job is to do. */
export interface JobOrder extends By {
  kind: Job['kind'];
  force: boolean;
  /** A kept version; absent: what is wanted now. */
  version?: string | undefined;
  targets: readonly string[];
}

/** How often a ruleset is put together anew without the rules that an IDS refused. */
const MOST_ROUNDS = 5;

/**
 * Builds a ruleset, hands it to each IDS, has it tested and made live.
 *
 * INVARIANTS: one job at a time. Each stage is on disk before it begins; a job that a restart interrupted is `aborted` and changes
 * nothing: what an IDS says it runs decides what is done next. One IDS that fails does not stop another.
 */
export class Pipeline {
  readonly #options: PipelineOptions;
  readonly #outcomes: OutcomeKeeper;
  #job: Job | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(options: PipelineOptions) {
    this.#options = options;
    this.#outcomes = new OutcomeKeeper(options);
  }

  /** Ends what a restart interrupted. */
  async recover(): Promise<void> {
    const { jobs, outbox } = this.#options;
    for (const job of jobs.list(100)) {
      if (job.endedAt !== undefined) continue;
      const error = new RulesError('RULES_INTERRUPTED', 'The instrument was started again.');
      jobs.put({ ...job, ...saidBy(error), state: 'aborted', endedAt: new Date().toISOString() });
    }
    for (const target of jobs.targets()) jobs.putTarget({ ...target, state: 'unknown', notBeforeMs: 0 });
    await outbox.clear();
  }

  /** The job at work. */
  get job(): Job | undefined {
    return this.#job;
  }

  /** Resolves when no job is at work. */
  idle(): Promise<void> {
    return this.#running;
  }

  /** Begins a job and returns it. @throws RulesError RULES_BUSY, RULES_NO_TARGET, RULES_UNKNOWN */
  start(order: JobOrder): Job {
    if (this.#job !== undefined) throw new RulesError('RULES_BUSY', `The job ${this.#job.id} is at work.`);
    if (order.targets.length === 0) throw new RulesError('RULES_NO_TARGET', 'There is no IDS to deploy to.');
    if (order.version !== undefined) this.#options.versions.get(order.version);
    const job: Job = {
      id: randomBytes(8).toString('hex'),
      kind: order.kind,
      state: 'compiling',
      author: order.author,
      reason: order.reason,
      startedAt: new Date().toISOString(),
      targets: order.targets.map((name) => stageOf(name, 'waiting')),
    };
    this.#put(job);
    this.#running = this.#run(order)
      .catch((error: unknown) => {
        this.#end({ state: 'failed', ...saidBy(error) });
        if (!isBuildRefusal(error)) this.#outcomes.putOff(order.targets, saidBy(error));
        this.#options.log.warn('a ruleset was not deployed', saidBy(error));
      })
      .finally(() => {
        this.#job = undefined;
        this.#options.changed();
        this.#options.ended();
      });
    return job;
  }

  async #run(order: JobOrder): Promise<void> {
    let left = order.targets;
    for (let round = 1; left.length > 0; round += 1) {
      const { version, compiled } = await this.#version(order);
      this.#put({ ...this.#current(), state: 'deploying', version: version.id, rules: version.rules });
      const outcomes = await this.#deploy(version, left);
      if (this.#options.signal.aborted) {
        const error = new RulesError('RULES_INTERRUPTED', 'The instrument was stopped.');
        this.#end({ state: 'aborted', ...saidBy(error) });
        return;
      }
      const again: string[] = [];
      for (const [name, outcome] of outcomes) {
        const mayExclude = compiled !== undefined && round < MOST_ROUNDS;
        if (outcome.state === 'refused' && mayExclude && this.#exclude(outcome, compiled)) again.push(name);
        else this.#settle(name, version, outcome, order);
      }
      left = again;
    }
    const { targets } = this.#current();
    const bad = targets.find(({ stage }) => stage !== 'live');
    this.#end(
      bad === undefined
        ? { state: 'done' }
        : { state: 'failed', code: bad.code ?? 'RULES_TARGET_FAILED', message: bad.message ?? '' },
    );
  }

  async #version(order: JobOrder): Promise<{ version: KeptVersion; compiled?: Compiled }> {
    const { builder, versions } = this.#options;
    if (order.version !== undefined) return { version: versions.get(order.version) };
    const compiled = await builder.compile();
    try {
      return { version: await builder.keep(compiled, order, order.force), compiled };
    } catch (error) {
      if (isBuildRefusal(error)) this.#options.unbuildable(compiled.id, saidBy(error));
      if (error instanceof RulesError)
        this.#outcomes.refused(compiled.id, compiled.sids.length, order, error);
      throw error;
    }
  }

  async #deploy(version: KeptVersion, names: readonly string[]): Promise<[string, Outcome][]> {
    const { outbox, versions, capture, jobs, ids, signal, maxMs, pollMs } = this.#options;
    const content = await versions.content(version.id);
    const recorded = await capture();
    const order: Order = {
      version: version.id,
      rules: await outbox.put(content.rules),
      thresholds: await putUnlessEmpty(outbox, content.thresholds),
      variables: version.variables,
      capture: recorded === undefined ? undefined : await outbox.put(recorded.bytes),
      mustAlert: recorded?.mustAlert ?? [],
    };
    try {
      return await Promise.all(
        names.map(async (name): Promise<[string, Outcome]> => {
          const before = jobs.target(name);
          jobs.putTarget({ ...before, state: 'deploying' });
          const keep = Object.values(filesOf(before.version ?? ''));
          const outcome = await deployOne({
            ids: ids(name),
            order,
            remove: before.delivered.filter((file) => !keep.includes(file) && !file.includes(version.id)),
            tell: (stage, more) => {
              this.#tell(stageOf(name, stage, more));
            },
            delivered: (file) => {
              const target = jobs.target(name);
              const old = target.delivered.filter((one) => keep.includes(one) || one.includes(version.id));
              jobs.putTarget({ ...target, delivered: [...new Set([...old, file])] });
            },
            signal,
            maxMs: maxMs(),
            ...(pollMs === undefined ? {} : { pollMs }),
          });
          return [name, outcome];
        }),
      );
    } finally {
      await outbox.clear();
    }
  }

  /**
   * Leaves out the rules that the IDS refused, if all of them are of sources that may be taken in part.
   * @returns whether it is worth another round
   */
  #exclude(outcome: Exclude<Outcome, { state: 'live' }>, compiled: Compiled): boolean {
    const { jobs, rules, standing, maySkip } = this.#options;
    const file = filesOf(compiled.id).rules;
    const faults = outcome.faults.filter((fault) => fault.file === file && fault.line > 0);
    if (faults.length === 0) return false;
    const lines = compiled.rules.split('\n');
    const refused = faults.map((fault) => ({ fault, sid: compiled.sids[fault.line - 1] ?? 0 }));
    const all = refused.every(({ sid }) =>
      rules.withSid(sid, standing()).some(({ source, active }) => active && maySkip(source)),
    );
    if (!all) return false;
    for (const { fault, sid } of refused) {
      jobs.exclude(sid, digestOf(lines[fault.line - 1] ?? ''), fault.code, fault.message.slice(0, 500));
    }
    this.#options.versions.change(compiled.id, {
      state: 'refused',
      code: outcome.code,
      message: outcome.message,
      faults: outcome.faults,
    });
    return true;
  }

  #settle(name: string, version: KeptVersion, outcome: Outcome, order: JobOrder): void {
    this.#outcomes.settle(name, version, outcome, order);
    if (outcome.state === 'live') return;
    const { state, code, message, faults } = outcome;
    this.#tell(stageOf(name, state, { code, message, faults }));
  }

  #current(): Job {
    if (this.#job === undefined) throw new Error('no job is at work');
    return this.#job;
  }

  #tell(target: JobTarget): void {
    const job = this.#current();
    const targets = job.targets.map((one) =>
      one.name === target.name ? { ...timesOf(one), ...target } : one,
    );
    this.#put({ ...job, targets });
  }

  #end(end: Pick<Job, 'state' | 'code' | 'message'>): void {
    if (this.#job !== undefined) this.#put({ ...this.#job, ...end, endedAt: new Date().toISOString() });
  }

  #put(job: Job): void {
    this.#job = job;
    this.#options.jobs.put(job);
    this.#options.changed();
  }
}

function isBuildRefusal(error: unknown): boolean {
  return error instanceof RulesError && error.code.startsWith('RULES_RULESET_');
}

/** What stays of the stage before. */
function timesOf({ testSeconds, reloadSeconds }: JobTarget): Partial<JobTarget> {
  return {
    ...(testSeconds === undefined ? {} : { testSeconds }),
    ...(reloadSeconds === undefined ? {} : { reloadSeconds }),
  };
}

async function putUnlessEmpty(outbox: Outbox, content: Buffer): Promise<OutboxFile | undefined> {
  return content.length === 0 ? undefined : outbox.put(content);
}
