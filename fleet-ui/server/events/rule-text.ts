import type { FleetEvent, RuleText } from '@bulkhead/fleet-api';
import { BulkheadError } from '@bulkhead/platform/kernel';
import { z } from 'zod';
import type { Person } from '../web/index.ts';
import { signatureOf } from './store/suppress.ts';

/** What is asked of whoever knows the instruments of a sensor and the way to them. */
export interface RuleManagers {
  /** As the sensor said last; undefined: it has said nothing since the fleet started. */
  instrumentsOf(sensor: string): readonly { name: string; package?: string | undefined }[] | undefined;
  /** Asks an instrument in somebody's name. @throws BulkheadError */
  call(ask: {
    sensor: string;
    instrument: string;
    person: Person;
    method: 'POST';
    path: string;
    body: unknown;
    timeoutMs: number;
    mostBytes: number;
  }): Promise<{ status: number; json: unknown }>;
}

const PACKAGE = 'rule-manager';
const TIMEOUT_MS = 10_000;
const ANSWER_BYTES = 512 * 1024;

const line = z.string().max(8_192);
/** What of the rule manager's answer is shown. It is an instrument: nothing that it says is believed to be harmless. */
const AnswerSchema = z.looseObject({
  result: z.looseObject({
    text: z.string().max(65_536),
    original: z.string().max(65_536),
    source: line,
    rev: z.number(),
    enabled: z.boolean(),
    references: z.array(line).max(200).catch([]),
    documents: z
      .array(z.looseObject({ kind: z.string() }))
      .max(2_000)
      .catch([]),
  }),
});

/** The rule that raised an alert; where there is none to show, why. Never throws. */
export async function ruleTextFor(
  { sensor, record }: Pick<FleetEvent, 'sensor' | 'record'>,
  person: Person | undefined,
  managers: RuleManagers,
): Promise<RuleText> {
  const sid = Number(signatureOf(record));
  if (!Number.isSafeInteger(sid) || sid <= 0)
    return {
      state: 'no-signature',
      message: 'This event does not name a signature, so no rule belongs to it.',
    };
  const instruments = managers.instrumentsOf(sensor);
  if (instruments === undefined) return AWAY;
  const found = instruments.filter((one) => one.package === PACKAGE);
  if (found.length === 0) {
    return {
      state: 'no-rule-manager',
      message:
        'This sensor has no rule manager, so the fleet cannot show the rule. Its IDS has it in the file of its rules.',
    };
  }
  const instrument = found.find(({ name }) => person?.may('instruments.open', sensor, name) === true)?.name;
  if (person === undefined || instrument === undefined) {
    return { state: 'not-permitted', message: 'Your role does not open the rule manager of this sensor.' };
  }
  try {
    const { status, json } = await managers.call({
      ...{ sensor, instrument, person, method: 'POST', path: '/api/rule.get', body: { sid } },
      ...{ timeoutMs: TIMEOUT_MS, mostBytes: ANSWER_BYTES },
    });
    if (status === 404) {
      const message = `No source of the rule manager has a rule with the number ${String(sid)}. It may be one of the sensor's own, as those of its detection check.`;
      return { state: 'unknown-rule', instrument, message };
    }
    const read = AnswerSchema.safeParse(json).data?.result;
    if (status !== 200 || read === undefined)
      return { state: 'failed', instrument, message: `${instrument} did not answer as a rule manager does.` };
    const { text, original, source, rev, enabled, references, documents } = read;
    return {
      ...{ state: 'found', instrument, text, source, rev, enabled, references },
      message: 'As it is on this sensor now; the alert says which revision of it was at work then.',
      ...(original === text ? {} : { original }),
      suppressions: documents.filter(({ kind }) => kind === 'suppression').length,
    };
  } catch (error) {
    if (!(error instanceof BulkheadError)) throw error;
    if (error.code === 'FLEET_PROXY_SENSOR_OFFLINE' || error.code === 'FLEET_LINKS_OFFLINE') return AWAY;
    const closed = ['FLEET_PROXY_NOT_RUNNING', 'FLEET_PROXY_PAGE_NOT_GRANTED'].includes(error.code);
    return { state: closed ? 'closed' : 'failed', instrument, message: error.message };
  }
}

const AWAY: RuleText = Object.freeze({
  state: 'away',
  message: 'The sensor is away now. The rule can be shown when it is back.',
});
