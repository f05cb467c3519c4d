import { z } from 'zod';
import { BulkheadError } from '../kernel/index.ts';
import type { DataSubject } from './subject.ts';
import type { DataCopy, DataMatch, DataPurged, DataSource, Extent } from './types.ts';

/** Words of an instrument end up in a signed report and on terminals: no control, format or unassigned characters. */
const words = (length: number) =>
  z
    .string()
    .max(length)
    .regex(/^[^\p{C}\p{Zl}\p{Zp}]*$/u, 'holds characters that cannot be shown');
const count = z.int().min(0);
const time = z.iso.datetime({ offset: true }).max(40);
const copyName = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,62}$/);
const extent = {
  records: count.optional(),
  bytes: count.optional(),
  oldest: time.optional(),
  newest: time.optional(),
};

const RetentionSchema = z.strictObject({
  copies: z
    .array(
      z.strictObject({
        name: copyName,
        what: words(200),
        ...extent,
        policyDays: z.number().min(0).max(36_500).optional(),
      }),
    )
    .max(64),
});
const FindSchema = z.strictObject({
  matches: z
    .array(
      z.strictObject({ copy: copyName, records: count, oldest: time.optional(), newest: time.optional() }),
    )
    .max(64),
});
const PurgeSchema = z.strictObject({ deleted: count });
const HoldSchema = z.strictObject({ ok: z.literal(true) });
const RefusalSchema = z.object({ ok: z.literal(false), code: z.string().max(64), message: words(500) });

/** Bounded waits for the answers of one instrument. */
const WAIT_MS = { retention: 5_000, 'data.find': 30_000, 'data.purge': 30_000, 'data.hold': 5_000 } as const;
type Command = keyof typeof WAIT_MS;

/** What the platform knows of one instrument. */
export interface InstrumentFacts {
  name: string;
  running: boolean;
  /** The copy that its volume is, measured. */
  volume: DataCopy | undefined;
  /** Who may read what it keeps, and where it goes: in words. */
  readers: readonly string[];
  goesTo: readonly string[];
  /** `control.<name>.<command>`. */
  request: (command: string, payload: unknown, timeoutMs: number) => Promise<unknown>;
}

/** An instrument as a source: what it declares, beside what the platform measures of its volume. */
export function instrumentSource(facts: InstrumentFacts): DataSource {
  const { name, volume } = facts;
  return {
    name: `instrument/${name}`,
    copies: async () => {
      if (!facts.running)
        return volume === undefined ? [] : [undeclared(volume, 'not known while it does not run')];
      const answer = await ask(facts, 'retention', {}, RetentionSchema);
      if (answer === undefined) {
        return volume === undefined
          ? []
          : [undeclared(volume, 'none declared: the instrument does not say what it keeps')];
      }
      const copies = answer.copies.map((copy): DataCopy => ({
        copy: `instrument/${name}/${copy.name}`,
        kind: 'instrument-store',
        what: copy.what,
        where: `in the volume of ${name}`,
        holder: name,
        declared: extentOf(copy),
        policy:
          copy.policyDays === undefined
            ? { text: 'no limit by age; the size of the volume is the limit' }
            : { days: copy.policyDays, text: `${String(copy.policyDays)} days, kept by the instrument` },
        readers: facts.readers,
        goesTo: facts.goesTo,
      }));
      const whole: DataCopy[] =
        volume === undefined
          ? []
          : [
              {
                ...volume,
                declared: together(answer.copies),
                policy: { text: 'as declared for what is in it' },
              },
            ];
      return [...whole, ...copies];
    },
    find: async (subject) => {
      refuseAbsent(facts);
      const answer = await ask(facts, 'data.find', subject, FindSchema);
      if (answer === undefined) return [silent(name)];
      return answer.matches.map((match): DataMatch => ({
        copy: `instrument/${name}/${match.copy}`,
        records: match.records,
        basis: 'declared',
        complete: true,
        ...(match.oldest === undefined ? {} : { oldest: match.oldest }),
        ...(match.newest === undefined ? {} : { newest: match.newest }),
      }));
    },
    purge: async (subject, requestId) => {
      refuseAbsent(facts);
      const answer = await ask(facts, 'data.purge', { ...subject, requestId }, PurgeSchema);
      const done: DataPurged = {
        copy: `instrument/${name}`,
        deleted: answer?.deleted ?? 0,
        basis: 'declared',
      };
      return [answer === undefined ? { ...done, note: 'it offers no deletion of single records' } : done];
    },
    hold: async (subject: DataSubject, hold: boolean) => {
      // An instrument that is not there deletes nothing meanwhile; it is told again when it is back.
      if (facts.running) await ask(facts, 'data.hold', { ...subject, hold }, HoldSchema);
    },
  };
}

/** @returns undefined when the instrument does not know the command. @throws BulkheadError DATA_REPLY_INVALID, DATA_REFUSED, BUS_* */
async function ask<T extends z.ZodType>(
  facts: InstrumentFacts,
  command: Command,
  payload: unknown,
  schema: T,
): Promise<z.output<T> | undefined> {
  const reply = await facts.request(command, payload, WAIT_MS[command]);
  const refusal = RefusalSchema.safeParse(reply);
  if (refusal.success) {
    if (refusal.data.code === 'BUS_UNKNOWN_COMMAND') return undefined;
    throw new BulkheadError({
      code: 'DATA_REFUSED',
      message: `${facts.name} did not do ${command}: ${refusal.data.message}`,
      hint: 'Look at its log.',
      fields: { instrument: facts.name, command },
    });
  }
  const parsed = schema.safeParse(reply);
  if (parsed.success) return parsed.data;
  // Not the reply itself: its keys and values are the instrument's.
  const at = parsed.error.issues[0]?.path.filter(
    (part) => typeof part === 'number' || /^[\w.-]{1,40}$/.test(String(part)),
  );
  throw new BulkheadError({
    code: 'DATA_REPLY_INVALID',
    message: `${facts.name} answered ${command} with something that PROTOCOL.md does not allow (at /${(at ?? []).join('/')}).`,
    hint: 'What it keeps is not known. The instrument is faulty or hostile: look at its log, or stop it.',
    fields: { instrument: facts.name, command },
  });
}

function refuseAbsent({ name, running }: InstrumentFacts): void {
  if (running) return;
  throw new BulkheadError({
    code: 'DATA_INSTRUMENT_ABSENT',
    message: `${name} does not run; what it keeps is locked in its volume.`,
    hint: 'Enable it, or remove its volume as a whole.',
    fields: { instrument: name },
  });
}

function undeclared(volume: DataCopy, text: string): DataCopy {
  return { ...volume, policy: { text } };
}

function silent(name: string): DataMatch {
  const note = 'it offers no search; what it keeps was not looked through';
  return { copy: `instrument/${name}`, records: 0, basis: 'declared', complete: false, note };
}

function extentOf(value: Partial<Record<keyof Extent, unknown>>): Extent {
  const keys = ['records', 'bytes', 'oldest', 'newest'] as const;
  return Object.fromEntries(keys.flatMap((key) => (value[key] === undefined ? [] : [[key, value[key]]])));
}

/** All that an instrument declares, as one: compared with its volume. */
function together(copies: z.output<typeof RetentionSchema>['copies']): Extent {
  const sum = (key: 'records' | 'bytes') => copies.reduce((total, copy) => total + (copy[key] ?? 0), 0);
  const times = copies.flatMap(({ oldest }) => (oldest === undefined ? [] : [oldest]));
  const oldest = times.sort((a, b) => Date.parse(a) - Date.parse(b))[0];
  return { records: sum('records'), bytes: sum('bytes'), ...(oldest === undefined ? {} : { oldest }) };
}
