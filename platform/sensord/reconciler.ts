import { describeError, type Logger } from '../kernel/index.ts';
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

  constructor(parts: ReconcilerParts) {
    this.#parts = parts;
  }

  /** Asks for a run soon. Cheap; may be called from any event handler. */
  poke(): void {
    this.#poked = true;
    if (this.#running === undefined && !this.#stopping) this.#running = this.#loop();
  }

  /** Pokes and resolves when there is nothing left to do for now. */
  async settle(): Promise<void> {
    const idle = new Promise<void>((resolve) => this.#idle.push(resolve));
    this.poke();
    await idle;
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
    const wakeMs = Math.min(this.#parts.everyMs, Math.max(50, this.#parts.nextWakeMs() ?? Infinity));
    this.#timer = setTimeout(() => {
      this.poke();
    }, wakeMs);
  }

  async #run(): Promise<void> {
    for (let round = 0; round < MAX_ROUNDS; round += 1) {
      const steps = plan(this.#parts.desired(), await this.#parts.observe(), this.#parts.verdict);
      if (steps.length === 0) return;
      const failed = new Set<string>();
      for (const step of steps) {
        if (this.#isStopping()) return;
        if (dependsOnFailed(step, failed)) continue;
        this.#parts.log.info({ step: step.kind }, describeStep(step));
        try {
          await this.#parts.execute(step);
        } catch (error) {
          failed.add(subjectOf(step));
          this.#parts.log.error(
            { err: error, step: step.kind },
            `failed to ${describeStep(step)}: ${describeError(error)}`,
          );
          this.#parts.onStepFailed(step, error);
        }
      }
      if (failed.size === steps.length) return; // nothing moved: wait for the timer rather than spin
    }
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
    case 'startInstrument':
    case 'stopInstrument':
    case 'removeInstrument':
      return `instrument/${step.name}`;
  }
}

function dependsOnFailed(step: Step, failed: ReadonlySet<string>): boolean {
  return failed.has(subjectOf(step)) || (step.kind === 'startInstrument' && failed.has('bus'));
}
