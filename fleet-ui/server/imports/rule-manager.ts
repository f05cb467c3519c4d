import type { RuleFault, RulesJob } from '@bulkhead/fleet-api';
import { BulkheadError } from '@bulkhead/platform/kernel';
import { z } from 'zod';
import type { Person } from '../web/index.ts';

/** Asks an instrument in somebody's name. @throws BulkheadError */
export type Call = (ask: {
  sensor: string;
  instrument: string;
  person: Person;
  method: 'POST';
  path: string;
  body: unknown;
  timeoutMs: number;
  mostBytes: number;
}) => Promise<{ status: number; json: unknown }>;

/** Which rule manager, and in whose name. */
export interface Place {
  sensor: string;
  instrument: string;
  person: Person;
}

/** It read 60,000 rules in 10 s where four others worked beside it. */
const TIMEOUT_MS = 60_000;
const ANSWER_BYTES = 2 * 2 ** 20;

const words = z.string().transform((text) => text.slice(0, 1_000));
const count = z.number().nonnegative();
const faults = z
  .array(z.object({ file: words, line: z.number(), code: words, message: words }))
  .transform((list) => list.slice(0, 50));

/** The rule manager is an instrument: nothing that it says is believed to be harmless, and no more than this is read. */
const RefusedSchema = z.object({
  ok: z.literal(false),
  code: words,
  message: words,
  faults: faults.optional(),
});
const SourceSchema = z.object({
  source: z.object({
    rules: z.object({ all: count, enabled: count }),
    version: z.object({ rules: count, skipped: count, faults }).optional(),
  }),
});
const VersionSchema = z.object({
  version: z.object({
    ...{ id: words, rules: count, added: count, removed: count, changed: count },
    notes: z.array(words).transform((list) => list.slice(0, 20)),
    state: words,
    code: words.optional(),
    message: words.optional(),
    faults: faults.optional(),
  }),
});
const JobSchema = z.object({
  id: words,
  state: words,
  message: words.optional(),
  targets: z
    .array(z.object({ name: words, stage: words, message: words.optional(), faults: faults.optional() }))
    .transform((list) => list.slice(0, 32)),
});
const NothingSchema = z.object({});
const OverviewSchema = z.object({ deploysAt: z.iso.datetime({ offset: true }).optional() });

/** What the rule manager does not do, in its words. */
export interface Refusal {
  outcome: 'refused';
  code: string;
  message: string;
  faults: RuleFault[];
}

/** The operations of a rule manager that an import needs: see `instruments/rule-manager`. */
export class RuleManager {
  readonly #call: Call;
  readonly #place: Place;

  constructor(call: Call, place: Place) {
    this.#call = call;
    this.#place = place;
  }

  /** Reads the rules and keeps them as a source that is off. */
  async add(source: { name: string; text: string; skipFaulty: boolean; reason: string }) {
    return this.#ask('source.add', SourceSchema, {
      ...source,
      origin: { type: 'pasted' },
      enabled: false,
      everyS: 0,
    });
  }

  async switchOn(name: string, reason: string) {
    return this.#ask('source.set', SourceSchema, { name, reason, enabled: true });
  }

  async remove(name: string, reason: string) {
    return this.#ask('source.remove', NothingSchema, { name, reason });
  }

  async build() {
    return this.#ask('ruleset.build', VersionSchema, {});
  }

  async overview() {
    return this.#ask('overview', OverviewSchema, {});
  }

  async deploy(reason: string) {
    return this.#ask('ruleset.deploy', z.object({ job: JobSchema }), { reason });
  }

  async newestJob() {
    return this.#ask('jobs.list', z.object({ jobs: z.array(JobSchema) }), { limit: 1 });
  }

  /** @throws BulkheadError FLEET_IMPORTS_ANSWER, and what the way there says */
  async #ask<T>(operation: string, schema: z.ZodType<T>, body: object): Promise<T | Refusal> {
    const { status, json } = await this.#call({
      ...this.#place,
      ...{ method: 'POST', path: `/api/${operation}`, body, timeoutMs: TIMEOUT_MS, mostBytes: ANSWER_BYTES },
    });
    const refused = RefusedSchema.safeParse(json).data;
    if (refused !== undefined) {
      const { code, message } = refused;
      return { outcome: 'refused', code, message, faults: refused.faults ?? [] };
    }
    const read = z.object({ ok: z.literal(true), result: schema }).safeParse(json);
    if (status === 200 && read.success) return read.data.result;
    throw new BulkheadError({
      code: 'FLEET_IMPORTS_ANSWER',
      message: `${this.#place.instrument} did not answer as a rule manager does (${String(status)}).`,
      fields: { sensor: this.#place.sensor, instrument: this.#place.instrument },
    });
  }
}

export function isRefusal(answer: object): answer is Refusal {
  return 'outcome' in answer && answer.outcome === 'refused';
}

/** As it is answered. */
export function jobView(job: z.output<typeof JobSchema>): RulesJob {
  const { message, targets, ...rest } = job;
  return {
    ...rest,
    ...(message === undefined ? {} : { message }),
    targets: targets.map(({ message: said, faults: found = [], ...target }) => ({
      ...target,
      faults: found,
      ...(said === undefined ? {} : { message: said }),
    })),
  };
}
