import {
  rulesetApply,
  rulesetJob,
  rulesetStatus,
  rulesetTest,
  type Instrument,
  type RulesetJob,
  type RulesetOrder,
  type RulesetStatus,
  type RulesetTrial,
} from '@bulkhead/sdk';
import type { OutboxFile } from './outbox.ts';

/** One IDS, as the pipeline uses it. */
export interface Ids {
  readonly name: string;
  /** Hands a file of the outbox over. */
  deliver(file: OutboxFile, as: string, remove: readonly string[]): Promise<void>;
  test(order: RulesetTrial): Promise<string>;
  apply(order: RulesetOrder): Promise<string>;
  job(id: string): Promise<RulesetJob>;
  status(): Promise<RulesetStatus>;
}

const NEEDED = [rulesetTest.name, rulesetApply.name, rulesetJob.name, rulesetStatus.name];
const DELIVER_MS = 60_000;
const STATUS_MS = 5_000;

/** The IDSs that the instrument was granted, with what is missing for each. */
export function grantedIdss(file: Instrument['file']): { name: string; missing: string[] }[] {
  const names = new Set(file.send.filter(({ command }) => NEEDED.includes(command)).map(({ to }) => to));
  return [...names].sort().map((name) => ({
    name,
    missing: [
      ...NEEDED.filter(
        (command) => !file.send.some((right) => right.to === name && right.command === command),
      ),
      ...(file.services.includes('deliver') ? [] : ['deliver']),
    ],
  }));
}

/** The IDS behind a name, over the bus. */
export function idsOverBus(instrument: Pick<Instrument, 'send' | 'ask'>, name: string): Ids {
  return {
    name,
    deliver: async ({ sha256, bytes }, as, remove) => {
      const payload = { sha256, bytes, to: name, as, announce: false, remove };
      await instrument.ask('deliver', payload, { timeoutMs: DELIVER_MS });
    },
    test: async (order) => (await instrument.send(name, rulesetTest, order)).job,
    apply: async (order) => (await instrument.send(name, rulesetApply, order)).job,
    job: (job) => instrument.send(name, rulesetJob, { job }),
    status: () => instrument.send(name, rulesetStatus, {}, { timeoutMs: STATUS_MS }),
  };
}
