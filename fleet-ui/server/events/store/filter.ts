import { createHash } from 'node:crypto';
import type { EventFilter, FleetEvent } from '@bulkhead/fleet-api';
import { type AddressRange, BulkheadError, inRange, parseRange, rangeWords } from '@bulkhead/platform/kernel';
import { IDS_PER_MS } from './database.ts';
import { factsOf, normalName, plain, wordsOf, type Facts } from './facts.ts';
import { severitiesFrom } from './severity.ts';
import { suppressedMatch, suppressorOf, type ActingRule, type Suppressor } from './suppress.ts';

/** Words of one question. */
const MOST_WORDS = 16;

/** A word that no record has. */
const NOTHING = '"h=none"';

/** A filter made ready for the index. */
export interface SearchPlan {
  /** FTS5 query; undefined: every record is a candidate. */
  match: string | undefined;
  /** Ids from (inclusive) and to (exclusive). */
  fromId: number;
  toId: number;
  /** All that is asked for is what counts are kept by. */
  countable: boolean;
  /** The index finds candidates; this decides. Says nothing of marks. */
  accepts(event: FleetEvent): boolean;
  /** Which suppression covers an event that is in the answer; and the rules that take events out of it. */
  suppressor: Suppressor;
  hidden: readonly ActingRule[];
  /** Recognises the same question. */
  digest: string;
  filter: EventFilter;
}

/**
 * @param allowed sensors whose events may be shown; undefined: all
 * @param rules suppressions that act now
 * @throws BulkheadError FLEET_EVENTS_FILTER_INVALID
 */
export function planSearch(
  asked: EventFilter,
  allowed?: readonly string[],
  rules: readonly ActingRule[] = [],
): SearchPlan {
  const sensors = allowed === undefined ? asked.sensors : intersect(asked.sensors ?? allowed, allowed);
  const filter = { ...asked, ...(sensors === undefined ? {} : { sensors }) };
  const range = filter.address === undefined ? undefined : parseRange(filter.address);
  if (filter.address !== undefined && range === undefined)
    throw invalid('address', 'is neither an address nor a network');
  checkWords('text', filter.text);
  const suppressor = suppressorOf(rules);
  const { covered, whole } = suppressedMatch(rules);
  const { suppressed = 'hide' } = filter;
  const parts = [
    sensors === undefined ? undefined : (anyOf(sensors.map((sensor) => `h=${sensor}`)) ?? NOTHING),
    anyOf((filter.types ?? []).map((type) => `t=${plain(type)}`)),
    anyOf((filter.instruments ?? []).map((instrument) => `i=${instrument}`)),
    severityPart(filter.severity),
    range === undefined ? undefined : anyOf(rangeWords(range)),
    filter.name === undefined ? undefined : namePart(filter.name),
    ...signatureParts(filter.signature),
    ...textParts(filter.text),
    filter.flow === undefined ? undefined : anyOf([`f=${plain(filter.flow)}`, `c=${plain(filter.flow)}`]),
    suppressed === 'only' ? (rules.length === 0 ? NOTHING : covered) : undefined,
  ].filter((part) => part !== undefined);
  return {
    match: matchOf(parts, suppressed === 'hide' ? whole : undefined),
    fromId: filter.since === undefined ? 0 : Date.parse(filter.since) * IDS_PER_MS,
    toId: filter.until === undefined ? Number.MAX_SAFE_INTEGER : Date.parse(filter.until) * IDS_PER_MS,
    countable: [
      ...[filter.address, filter.name, filter.signature, filter.text, filter.flow],
      ...[filter.handled, filter.owner, suppressed === 'only' ? suppressed : undefined],
    ].every((part) => part === undefined),
    accepts: (event) =>
      accepts(event, filter, range) &&
      (suppressed === 'show' || (suppressor(event) === undefined) === (suppressed === 'hide')),
    suppressor,
    hidden: suppressed === 'hide' ? rules : [],
    // Also of the rights: a cursor of somebody who may see more does not lead further.
    digest: createHash('sha256').update(JSON.stringify(filter)).digest('hex').slice(0, 16),
    filter,
  };
}

/** A word of the index as FTS5 wants it. Words have no quotation marks. */
export function word(value: string): string {
  return `"${value}"`;
}

/** @param without taken out by the index already; where nothing is asked for, the records decide */
function matchOf(parts: readonly string[], without: string | undefined): string | undefined {
  if (parts.length === 0) return undefined;
  const all = parts.join(' AND ');
  return without === undefined ? all : `(${all}) NOT ${without}`;
}

function intersect(some: readonly string[], others: readonly string[]): string[] {
  const set = new Set(others);
  return some.filter((one) => set.has(one));
}

function anyOf(words: readonly string[]): string | undefined {
  if (words.length === 0) return undefined;
  return words.length === 1 ? word(words[0] ?? '') : `(${words.map(word).join(' OR ')})`;
}

function severityPart(least: EventFilter['severity']): string | undefined {
  if (least === undefined || least === 'info') return undefined;
  return anyOf(severitiesFrom(least).map((severity) => `v=${severity}`));
}

function namePart(text: string): string {
  const name = normalName(text);
  return word(name.startsWith('*.') ? `d=${plain(name.slice(2))}` : `n=${plain(name)}`);
}

function signatureParts(signature: string | undefined): string[] {
  if (signature === undefined) return [];
  if (/^\d+$/.test(signature)) return [word(`s=${signature}`)];
  checkWords('signature', signature);
  // Long records are indexed in part: the record decides then.
  return [word('t=alert'), ...wordsOf(signature).map((found) => `(${word(found)} OR ${word('x=1')})`)];
}

function textParts(text: string | undefined): string[] {
  return searchWords(text ?? '').map(({ value, prefix }) => {
    const asked = prefix ? `${word(value)} *` : word(value);
    return `(${asked} OR ${word('x=1')})`;
  });
}

function searchWords(text: string): { value: string; prefix: boolean }[] {
  return text.split(/\s+/).flatMap((part) => {
    const words = wordsOf(part);
    return words.map((value, index) => ({ value, prefix: part.endsWith('*') && index === words.length - 1 }));
  });
}

function accepts(event: FleetEvent, filter: EventFilter, range: AddressRange | undefined): boolean {
  if (filter.sensors?.includes(event.sensor) === false) return false;
  if (filter.types?.includes(event.type) === false) return false;
  if (filter.instruments?.includes(event.instrument) === false) return false;
  if (filter.severity !== undefined && !severitiesFrom(filter.severity).includes(event.severity))
    return false;
  const { address, name, flow, signature, text } = filter;
  if ([address, name, flow, signature, text].every((part) => part === undefined)) return true;
  const facts = factsOf(event.record);
  if (range !== undefined && ![...facts.addresses].some((hex) => inRange(hex, range))) return false;
  if (name !== undefined && !hasName(facts.names, normalName(name))) return false;
  if (flow !== undefined && ![facts.flow, facts.community].includes(flow)) return false;
  if (signature !== undefined && !hasSignature(facts, signature)) return false;
  return text === undefined || hasWords(event, facts, text);
}

function hasName(names: ReadonlySet<string>, wanted: string): boolean {
  if (!wanted.startsWith('*.')) return names.has(wanted);
  const end = wanted.slice(1);
  return [...names].some((name) => name.endsWith(end) && name.length > end.length);
}

function hasSignature(facts: Facts, wanted: string): boolean {
  if (/^\d+$/.test(wanted)) return facts.signatureId === wanted;
  const words = new Set(wordsOf(facts.signature));
  return wordsOf(wanted).every((part) => words.has(part));
}

function hasWords(event: FleetEvent, facts: Facts, text: string): boolean {
  // What is indexed in part is looked through whole.
  const words = facts.partial ? new Set(wordsOf(JSON.stringify(event.record))) : facts.words;
  return searchWords(text).every(({ value, prefix }) =>
    prefix ? [...words].some((found) => found.startsWith(value)) : words.has(value),
  );
}

function checkWords(field: string, text: string | undefined): void {
  if (text === undefined) return;
  const words = wordsOf(text);
  if (words.length === 0 || words.length > MOST_WORDS)
    throw invalid(field, `needs 1 to ${String(MOST_WORDS)} words`);
}

function invalid(field: string, what: string): BulkheadError {
  return new BulkheadError({
    code: 'FLEET_EVENTS_FILTER_INVALID',
    message: `The search is not valid: /${field}: ${what}.`,
    fields: { pointer: `/${field}` },
  });
}
