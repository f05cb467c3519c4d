import { randomBytes } from 'node:crypto';
import type { RulesetJob } from '@bulkhead/sdk';
import { RuleRefusal } from './rule-refusal.ts';

/** Why a request about jobs is refused. */
export class JobError extends Error {
  readonly code: 'SURICATA_JOBS_FULL' | 'SURICATA_JOB_UNKNOWN' | 'SURICATA_NOT_READY';

  constructor(code: JobError['code'], message: string) {
    super(message);
    this.name = 'JobError';
    this.code = code;
  }
}

/** What the work of a job may tell while it goes on. */
export type JobNews = Partial<
  Pick<RulesetJob, 'state' | 'ruleCount' | 'alerts' | 'testSeconds' | 'reloadSeconds'>
>;

/** Jobs that wait or are at work; more are refused. */
const MAX_OPEN = 4;
/** Ended jobs that can still be asked for. */
const MAX_ENDED = 32;

/**
 * Tests and applications of rulesets, which take longer than a reply may.
 *
 * INVARIANTS: `run` gives each job its turn (the owner's queue), so one is at work; a job ends once, whatever its work throws;
 * at most 4 are open and 32 ended ones remembered.
 */
export class RulesetJobs {
  readonly #jobs = new Map<string, RulesetJob>();
  readonly #run: (work: () => Promise<void>) => Promise<void>;
  readonly #ended: (job: RulesetJob) => void;

  /** @param parts.run runs a piece of work when it is its turn. @param parts.ended is told of each job that ended */
  constructor(parts: {
    run: (work: () => Promise<void>) => Promise<void>;
    ended: (job: RulesetJob) => void;
  }) {
    this.#run = parts.run;
    this.#ended = parts.ended;
  }

  /**
   * Begins a job and returns at once.
   * @throws JobError SURICATA_JOBS_FULL
   */
  begin(
    kind: RulesetJob['kind'],
    version: string,
    work: (tell: (news: JobNews) => void) => Promise<void>,
  ): { job: string } {
    const open = [...this.#jobs.values()].filter((job) => job.endedAt === undefined);
    if (open.length >= MAX_OPEN) {
      throw new JobError(
        'SURICATA_JOBS_FULL',
        `${String(MAX_OPEN)} tests and applications wait already; ask again when one has ended.`,
      );
    }
    const id = randomBytes(12).toString('hex');
    this.#set({ job: id, kind, version, state: 'waiting', startedAt: new Date().toISOString() });
    void this.#run(async () => {
      this.#tell(id, { state: 'testing' });
      try {
        await work((news) => {
          this.#tell(id, news);
        });
        this.#end(id, { state: 'done' });
      } catch (error) {
        this.#end(id, failure(error));
      }
    });
    return { job: id };
  }

  /** @throws JobError SURICATA_JOB_UNKNOWN */
  report(id: string): RulesetJob {
    const job = this.#jobs.get(id);
    if (job !== undefined) return job;
    throw new JobError(
      'SURICATA_JOB_UNKNOWN',
      `There is no job ${id}: it ended long ago, or the IDS was started again since.`,
    );
  }

  #tell(id: string, news: Partial<RulesetJob>): void {
    const job = this.#jobs.get(id);
    if (job !== undefined) this.#set({ ...job, ...news });
  }

  #end(id: string, news: Partial<RulesetJob>): void {
    this.#tell(id, { ...news, endedAt: new Date().toISOString() });
    const ended = [...this.#jobs.values()].filter((job) => job.endedAt !== undefined);
    for (const job of ended.slice(0, Math.max(0, ended.length - MAX_ENDED))) this.#jobs.delete(job.job);
    this.#ended(this.report(id));
  }

  #set(job: RulesetJob): void {
    this.#jobs.set(job.job, job);
  }
}

function failure(error: unknown): Partial<RulesetJob> {
  if (!(error instanceof RuleRefusal)) {
    const message = error instanceof Error ? error.message : String(error);
    return { state: 'failed', code: 'SURICATA_JOB_FAILED', message: message.slice(0, 1_000) };
  }
  return {
    state: 'failed',
    code: error.code,
    message: error.message.slice(0, 1_000),
    faults: [...error.faults],
  };
}
