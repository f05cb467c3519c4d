import { createHash } from 'node:crypto';
import { normalAddress } from './addresses.ts';
import { escapeUnsafe, normalName, wellFormed } from './names.ts';

/** One record of an answer that was seen. */
export interface Observation {
  rrname: string;
  rrtype: string;
  rdata: string;
}

/** Most records of one answer that are taken: what fits into a DNS message of 64 KiB in its shortest form is not normal. */
const MAX_ANSWERS = 256;
/** Longest value that is kept whole; of a longer one its start and its digest are kept. */
const MAX_RDATA = 1_020;
const TYPE = /^[A-Z][A-Z0-9-]{0,15}$/;
/** Types whose value is a name. */
const NAMES: ReadonlySet<string> = new Set(['CNAME', 'DNAME', 'NS', 'PTR', 'MX']);

/**
 * The observations in one EVE `dns` record of Suricata: version 2 (`type: answer`), version 3 (`type: response`), and the
 * `grouped` form. A query has none. In `grouped` there is no owner, so each value counts for the name that was asked.
 * @returns the observations, and how many entries of the answer were none
 */
export function observationsOf(record: Readonly<Record<string, unknown>>): {
  seen: Observation[];
  malformed: number;
} {
  const seen: Observation[] = [];
  const dns = record['dns'];
  if (!isObject(dns)) return { seen, malformed: 1 };
  const kind = dns['type'];
  if (kind === 'query' || kind === 'request') return { seen, malformed: 0 };
  let malformed = 0;
  const take = (name: unknown, type: unknown, value: unknown): void => {
    const observation = observationOf(name, type, value);
    if (observation === undefined) malformed += 1;
    else if (seen.length < MAX_ANSWERS) seen.push(observation);
    else malformed += 1;
  };
  const answers = dns['answers'];
  if (Array.isArray(answers)) {
    for (const answer of answers.slice(0, MAX_ANSWERS) as unknown[]) {
      if (isObject(answer)) take(answer['rrname'], answer['rrtype'], valueOf(answer));
      else malformed += 1;
    }
    malformed += Math.max(0, answers.length - MAX_ANSWERS);
  } else if (isObject(dns['grouped'])) {
    const asked = askedName(dns);
    for (const [type, values] of Object.entries(dns['grouped']).slice(0, MAX_ANSWERS)) {
      for (const value of Array.isArray(values) ? (values.slice(0, MAX_ANSWERS) as unknown[]) : [values]) {
        take(asked, type, isObject(value) ? structured(value) : value);
      }
    }
  }
  return { seen, malformed };
}

function observationOf(name: unknown, type: unknown, value: unknown): Observation | undefined {
  if (typeof name !== 'string' || typeof type !== 'string' || typeof value !== 'string') return undefined;
  // Suricata gives the root an empty name.
  const rrname = name === '' ? '.' : normalName(name);
  if (rrname === undefined || !TYPE.test(type)) return undefined;
  const rdata = normalValue(type, value);
  return rdata === undefined ? undefined : { rrname, rrtype: type, rdata };
}

function normalValue(type: string, value: string): string | undefined {
  if (type === 'A' || type === 'AAAA') return normalAddress(value);
  if (NAMES.has(type)) return value === '' ? '.' : normalName(value);
  const text = escapeSpaces(value);
  if (text.length <= MAX_RDATA) return text;
  const digest = createHash('sha256').update(text).digest('hex').slice(0, 32);
  return `${wellFormed(text.slice(0, MAX_RDATA - 60))}... sha256:${digest}`;
}

/** Text keeps its spaces; all else that is unsafe is escaped. */
function escapeSpaces(text: string): string {
  return text.split(' ').map(escapeUnsafe).join(' ');
}

function valueOf(answer: Readonly<Record<string, unknown>>): unknown {
  if (answer['rdata'] !== undefined) return answer['rdata'];
  for (const key of ['soa', 'srv', 'sshfp']) {
    const value = answer[key];
    if (isObject(value)) return structured(value);
  }
  return undefined;
}

/** A value that Suricata took apart (SOA, SRV, SSHFP), as one text again; the fields are in the order of the wire. */
function structured(value: Readonly<Record<string, unknown>>): string {
  return Object.values(value)
    .filter((field) => typeof field === 'string' || typeof field === 'number')
    .map(String)
    .join(' ');
}

function askedName(dns: Readonly<Record<string, unknown>>): unknown {
  const queries = dns['queries'];
  const first = Array.isArray(queries) ? (queries[0] as unknown) : undefined;
  return dns['rrname'] ?? (isObject(first) ? first['rrname'] : undefined);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
