import { backoffMs, DEFAULT_BACKOFF, describeError, type Logger } from '../kernel/index.ts';
import type { DesiredState } from './desired.ts';
import { describeStep, plan, type ActualState, type StartVerdict, type Step } from './plan.ts';

/** What the reconciler needs; the composition root gives it. */
export interface ReconcilerParts {
  log: Logger;
  desired: () => DesiredState;
  observe: () => Promise<ActualState>;
  execute: (step: Step) => Promise<void>;
  verdict: (instrument: string) => StartVerdict;
  /** A step failed; the rest of the plan goes on unless it depends on it. */
  onStepFailed: (step: Step, error: unknown) => void;
  /** Milliseconds until something (a back-off) wants another run; undefined = only the timer. */
  nextWakeMs: () => number | undefined;
  /** A run goes at least this often. */
  everyMs: number;
}

/** The plan is made anew after its steps are done, until it is empty; more rounds than this and we wait for the timer. */
const MAX_ROUNDS = 6;

/**
 * Brings what is to what should be: at start, when poked, and on a timer.
 *
 * INVARIANTS: at most one run at a time; pokes during a run cause exactly one more run; a step that throws is reported
 * and never stops the steps of other instruments; after `stop` resolves no step runs and none will.
 */
export class Reconciler {
  readonly #parts: ReconcilerParts;
  #poked = false;
  #stopping = false;
  #running: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #idle: (() => void)[] = [];
  /** Subjects whose last step failed: how often in a row, and when it is tried again. */
  readonly #failures = new Map<string, { count: number; retryAtMs: number; reason: string }>();

  constructor(parts: ReconcilerParts) {
    this.#parts = parts;
  }

  /** Asks for a run soon. Cheap; may be called from any event handler. */
  poke(): void {
    this.#poked = true;
    if (this.#running === undefined && !this.#stopping) this.#running = this.#loop();
  }

  /** Somebody wants it now: forgets back-offs of steps, pokes, and resolves when there is nothing left to do for now. */
  async settle(): Promise<void> {
    this.#failures.clear();
    const idle = new Promise<void>((resolve) => this.#idle.push(resolve));
    this.poke();
    await idle;
  }

  /** Subjects (`bus`, `instrument/suricata`, ...) whose last step failed, with the reason in words. */
  failing(): ReadonlyMap<string, string> {
    return new Map([...this.#failures].map(([subject, { reason }]) => [subject, reason]));
  }

  /** Lets the running step finish and starts no other. */
  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#timer);
    await this.#running;
    this.#wakeWaiters();
  }

  async #loop(): Promise<void> {
    clearTimeout(this.#timer);
    while (this.#poked && !this.#isStopping()) {
      this.#poked = false;
      try {
        await this.#run();
      } catch (error) {
        this.#parts.log.error({ err: error }, `could not reconcile: ${describeError(error)}`);
      }
    }
    this.#running = undefined;
    this.#wakeWaiters();
    if (this.#stopping) return;
    const retries = [...this.#failures.values()]
      .filter(({ retryAtMs }) => retryAtMs > 0)
      .map(({ retryAtMs }) => retryAtMs - performance.now());
    const soonest = Math.min(this.#parts.nextWakeMs() ?? Infinity, ...retries);
    const wakeMs = Math.min(this.#parts.everyMs, Math.max(50, soonest));
    this.#timer = setTimeout(() => {
      this.poke();
    }, wakeMs);
  }

  async #run(): Promise<void> {
    for (let round = 0; round < MAX_ROUNDS; round += 1) {
      const steps = plan(this.#parts.desired(), await this.#parts.observe(), this.#parts.verdict);
      const failed = new Set<string>();
      let done = 0;
      for (const step of steps) {
        if (this.#isStopping()) return;
        if (dependsOnFailed(step, failed)) continue;
        if (!this.#waits(step) && (await this.#try(step))) done += 1;
        else failed.add(subjectOf(step));
      }
      if (done === 0) return; // they agree, or nothing moved: wait for the timer rather than spin
    }
  }

  /** Runs one step. @returns whether it succeeded. */
  async #try(step: Step): Promise<boolean> {
    const { log, execute, onStepFailed } = this.#parts;
    const subject = subjectOf(step);
    log.info({ step: step.kind }, describeStep(step));
    try {
      await execute(step);
      this.#failures.delete(subject);
      return true;
    } catch (error) {
      const count = (this.#failures.get(subject)?.count ?? 0) + 1;
      // Instruments have a back-off of their own, which also counts crashes.
      const retryAtMs = subject.startsWith('instrument/')
        ? 0
        : performance.now() + backoffMs(DEFAULT_BACKOFF, count);
      const reason = `failed to ${describeStep(step)}: ${describeError(error)}`;
      this.#failures.set(subject, { count, retryAtMs, reason });
      log.error({ err: error, step: step.kind }, reason);
      onStepFailed(step, error);
      return false;
    }
  }

  #waits(step: Step): boolean {
    const failure = this.#failures.get(subjectOf(step));
    return failure !== undefined && performance.now() < failure.retryAtMs;
  }

  #isStopping(): boolean {
    return this.#stopping;
  }

  #wakeWaiters(): void {
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}

/** What a step is about; a later step about the same subject is not tried when an earlier one failed. */
function subjectOf(step: Step): string {
  switch (step.kind) {
    case 'configureBus':
      return 'bus';
    case 'setFanout':
      return `fanout/${step.monitor}`;
    case 'attachMonitor':
    case 'detachMonitor':
      return `monitor/${step.name}`;
    case 'closePage':
    case 'servePage':
      return `page/${step.name}`;
    case 'updateRights':
      return `rights/${step.name}`;
    case 'startInstrument':
    case 'stopInstrument':
    case 'removeInstrument':
      return `instrument/${step.name}`;
  }
}

function dependsOnFailed(step: Step, failed: ReadonlySet<string>): boolean {
  const needsBus = step.kind === 'startInstrument' || step.kind === 'updateRights';
  return failed.has(subjectOf(step)) || (needsBus && failed.has('bus'));
}
