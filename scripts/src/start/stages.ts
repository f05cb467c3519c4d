import { describeError } from '@bulkhead/platform/kernel';

/** One finished or failed stage. */
export interface StageResult {
  name: string;
  seconds: number;
  ok: boolean;
  error?: string;
}

/**
 * Runs named stages one after the other, shows them numbered with their time, and keeps the result of each.
 * Progress goes to standard error, so that standard output stays clean for `--json`.
 */
export class Stages {
  readonly results: StageResult[];
  readonly #total: number;
  #current: string | undefined;

  /** @param done stages that ran before this program (the installation). */
  constructor(total: number, done: readonly StageResult[] = []) {
    this.results = [...done];
    this.#total = total;
  }

  /** The stage that failed, if any. */
  get failed(): StageResult | undefined {
    return this.results.find((stage) => !stage.ok);
  }

  /** @throws whatever `work` throws, after noting it. */
  async run<T>(
    name: string,
    title: string,
    work: (progress: (text: string) => void) => Promise<T>,
  ): Promise<T> {
    const started = performance.now();
    const label = `[${String(this.results.length + 1)}/${String(this.#total)}] ${title}`;
    this.#current = label;
    process.stderr.write(`${label} ...\n`);
    const seconds = () => Math.round((performance.now() - started) / 10) / 100;
    try {
      const result = await work((text) => {
        process.stderr.write(`      ${text}\n`);
      });
      this.results.push({ name, seconds: seconds(), ok: true });
      process.stderr.write(`${label}: done in ${seconds().toFixed(1)} s\n`);
      return result;
    } catch (error) {
      this.results.push({ name, seconds: seconds(), ok: false, error: describeError(error) });
      process.stderr.write(`${label}: FAILED after ${seconds().toFixed(1)} s\n`);
      throw error;
    }
  }

  /** The label of the stage that runs, for an interruption's message. */
  get current(): string {
    return this.#current ?? 'before the first stage';
  }
}
