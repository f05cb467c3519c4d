import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  rulesetApply,
  rulesetJob,
  rulesetStatus,
  rulesetTest,
  type Instrument,
  type RulesetFault,
  type RulesetJob,
  type RulesetOrder,
} from '@bulkhead/sdk';

/** A rule with this keyword is refused, as Suricata refuses a keyword that it does not know. */
export const UNKNOWN_KEYWORD = 'no.such.keyword';
const TEST_MS = 300;

/** An IDS that speaks the messages of rulesets over a real bus and looks at no traffic. */
export class SpokenIds {
  readonly #instrument: Instrument;
  readonly #dir: string;
  readonly #jobs = new Map<string, RulesetJob>();
  #live: { version: string; rules: number; at: string } | undefined;
  #held: Promise<void> = Promise.resolve();

  constructor(instrument: Instrument, dir: string) {
    this.#instrument = instrument;
    this.#dir = dir;
  }

  start(): void {
    this.#instrument.handle(rulesetTest, (order) => this.#job('test', order));
    this.#instrument.handle(rulesetApply, (order) => this.#job('apply', order));
    this.#instrument.handle(rulesetJob, ({ job }) => {
      const found = this.#jobs.get(job);
      if (found === undefined) throw new Error('no such job');
      return found;
    });
    this.#instrument.handle(rulesetStatus, () => ({
      source: this.#live === undefined ? ('own' as const) : ('wanted' as const),
      version: this.#live?.version ?? null,
      appliedAt: this.#live?.at ?? null,
      managed: this.#live !== undefined,
      digest: '',
      files: [],
      rules: this.#live?.rules ?? 12,
      loaded: this.#live?.rules ?? 12,
      failed: 0,
      lastReload: this.#live?.at ?? null,
      refusal: null,
    }));
  }

  /** Tests that begin from now on do not end: somebody looks at them. @returns lets them end */
  hold(): () => void {
    let release: () => void = () => undefined;
    this.#held = new Promise((resolve) => (release = resolve));
    return release;
  }

  /** Copies a delivered file, as the platform does. */
  async deliver(outbox: string, sha256: string, as: string, remove: readonly string[]): Promise<void> {
    await mkdir(this.#dir, { recursive: true });
    const bytes = await readFile(join(outbox, sha256));
    if (createHash('sha256').update(bytes).digest('hex') !== sha256) throw new Error('other bytes');
    await writeFile(join(this.#dir, '.new'), bytes);
    await rename(join(this.#dir, '.new'), join(this.#dir, as));
    for (const name of remove) await rm(join(this.#dir, name), { force: true });
  }

  #job(kind: 'test' | 'apply', order: RulesetOrder): { job: string } {
    const job = randomUUID();
    const startedAt = new Date().toISOString();
    const started = { job, kind, version: order.version, startedAt };
    this.#jobs.set(job, { ...started, state: 'testing' });
    const held = kind === 'test' ? this.#held : Promise.resolve();
    const work = async () => {
      await held;
      const lines = (await readFile(join(this.#dir, order.rules.file), 'utf8')).split('\n');
      const faults = lines.flatMap((line, index) => faultOf(order.rules.file, line, index + 1));
      const ruleCount = lines.filter((line) => /^(?:alert|drop|pass) /.test(line)).length;
      const endedAt = new Date().toISOString();
      if (faults.length > 0) {
        const message = `${String(faults.length)} rules cannot be loaded.`;
        const code = 'SURICATA_RULES_INVALID';
        this.#jobs.set(job, {
          ...started,
          state: 'failed',
          endedAt,
          code,
          message,
          faults: faults.slice(0, 50),
        });
        return;
      }
      if (kind === 'apply') this.#live = { version: order.version, rules: ruleCount, at: endedAt };
      const seconds = kind === 'test' ? { testSeconds: TEST_MS / 1000 } : { reloadSeconds: 0.2 };
      this.#jobs.set(job, { ...started, state: 'done', endedAt, ruleCount, ...seconds });
    };
    setTimeout(() => void work(), kind === 'test' ? TEST_MS : 200);
    return { job };
  }
}

function faultOf(file: string, line: string, number: number): RulesetFault[] {
  if (line.startsWith('#') || !line.includes(UNKNOWN_KEYWORD)) return [];
  const sid = /\bsid:(\d+)/.exec(line)?.[1] ?? '?';
  const message = `unknown rule keyword '${UNKNOWN_KEYWORD}' (sid:${sid})`;
  return [{ file, line: number, code: 'SURICATA_RULE_INVALID', message }];
}
