import { createHash } from 'node:crypto';
import { z } from 'zod';
import { EventTypeSchema, NameSchema, type StoredEvent } from '../../contracts/index.ts';
import {
  type AddressRange,
  BulkheadError,
  inRange,
  parseRange,
  parseStrict,
  rangeWords,
} from '../../kernel/index.ts';
import { isAtLeast } from '../describe.ts';
import { IDS_PER_MS } from './database.ts';
import { factsOf, normalName, plain, wordsOf } from './facts.ts';

const text = (most: number) => z.string().min(1).max(most);

/** What a search asks for; every part that is given must hold. */
export const SearchFilterSchema = z.strictObject({
  types: z.array(EventTypeSchema).min(1).max(32).optional(),
  instrument: z.union([NameSchema, z.literal('platform')]).optional(),
  /** ISO 8601; from this time on. */
  since: z.iso.datetime({ offset: true }).optional(),
  /** Before this time. */
  until: z.iso.datetime({ offset: true }).optional(),
  /** An address or a network (`10.0.0.0/8`), anywhere in the record. */
  address: text(64)
    .refine((value) => parseRange(value) !== undefined, 'is neither an address nor a network')
    .optional(),
  /** A name: exact, or `*.example.org` for everything below it. */
  name: text(255).optional(),
  /** Id of a signature, or words of its text. */
  signature: text(200).optional(),
  severity: z.enum(['info', 'low', 'medium', 'high']).optional(),
  /** Words that all stand in the record; the beginning of a word with `*` at its end. */
  text: text(200)
    .refine((value) => wordsOf(value).length > 0 && wordsOf(value).length <= 16, 'needs 1 to 16 words')
    .optional(),
  /** Id of a flow, or its Community ID. */
  flow: text(64).optional(),
});
export type SearchFilter = z.input<typeof SearchFilterSchema>;

/** A filter made ready for the index. */
export interface SearchPlan {
  /** FTS5 query; undefined: every record is a candidate. */
  match: string | undefined;
  /** Ids from (inclusive) and to (exclusive). */
  fromId: number;
  toId: number;
  /** What type, instrument and severity ask for is all that is asked for: counts alone can answer. */
  countable: boolean;
  /** The index finds candidates; this decides. */
  accepts(event: StoredEvent): boolean;
  /** Recognises the same question. */
  digest: string;
  filter: z.output<typeof SearchFilterSchema>;
}

/** @throws BulkheadError EVENTS_FILTER_INVALID */
export function planSearch(value: SearchFilter): SearchPlan {
  const filter = parseStrict(SearchFilterSchema, value, 'EVENTS_FILTER_INVALID', 'The search');
  const range = filter.address === undefined ? undefined : parseRange(filter.address);
  const parts = [
    anyOf((filter.types ?? []).map((type) => `t=${type}`)),
    filter.instrument === undefined ? undefined : word(`i=${filter.instrument}`),
    severityPart(filter.severity),
    range === undefined ? undefined : anyOf(rangeWords(range)),
    filter.name === undefined ? undefined : namePart(filter.name),
    ...signatureParts(filter.signature),
    ...textParts(filter.text),
    filter.flow === undefined ? undefined : anyOf([`f=${plain(filter.flow)}`, `c=${plain(filter.flow)}`]),
  ].filter((part) => part !== undefined);
  return {
    match: parts.length === 0 ? undefined : parts.join(' AND '),
    fromId: filter.since === undefined ? 0 : Date.parse(filter.since) * IDS_PER_MS,
    toId: filter.until === undefined ? Number.MAX_SAFE_INTEGER : Date.parse(filter.until) * IDS_PER_MS,
    countable: [filter.address, filter.name, filter.signature, filter.text, filter.flow].every(
      (part) => part === undefined,
    ),
    accepts: (event) => accepts(event, filter, range),
    digest: createHash('sha256').update(JSON.stringify(filter)).digest('hex').slice(0, 16),
    filter,
  };
}

/** A word of the index as FTS5 wants it. Words have no quotation marks. */
export function word(value: string): string {
  return `"${value}"`;
}

function anyOf(words: readonly string[]): string | undefined {
  if (words.length === 0) return undefined;
  return words.length === 1 ? word(words[0] ?? '') : `(${words.map(word).join(' OR ')})`;
}

function severityPart(least: string | undefined): string | undefined {
  if (least === undefined || least === 'info') return undefined;
  const order = ['low', 'medium', 'high'];
  return anyOf(order.slice(order.indexOf(least)).map((severity) => `v=${severity}`));
}

function namePart(text: string): string {
  const name = normalName(text);
  return word(name.startsWith('*.') ? `d=${plain(name.slice(2))}` : `n=${plain(name)}`);
}

function signatureParts(signature: string | undefined): string[] {
  if (signature === undefined) return [];
  if (/^\d+$/.test(signature)) return [word(`s=${signature}`)];
  const words = wordsOf(signature);
  if (words.length === 0 || words.length > 16) {
    throw new BulkheadError({
      code: 'EVENTS_FILTER_INVALID',
      message: 'The search is not valid: /signature: needs 1 to 16 words, or an id.',
      fields: { pointer: '/signature' },
    });
  }
  // Long records are indexed in part: the record decides then.
  return [word('t=alert'), ...words.map((found) => `(${word(found)} OR ${word('x=1')})`)];
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

function accepts(
  event: StoredEvent,
  filter: z.output<typeof SearchFilterSchema>,
  range: AddressRange | undefined,
): boolean {
  if (filter.types !== undefined && !filter.types.includes(event.type)) return false;
  if (filter.instrument !== undefined && filter.instrument !== event.instrument) return false;
  const facts = factsOf(event);
  if (filter.severity !== undefined && !isAtLeast(facts.severity, filter.severity)) return false;
  if (range !== undefined && ![...facts.addresses].some((hex) => inRange(hex, range))) return false;
  if (filter.name !== undefined && !hasName(facts.names, normalName(filter.name))) return false;
  if (filter.flow !== undefined && ![facts.flow, facts.community].includes(filter.flow)) return false;
  if (filter.signature !== undefined && !hasSignature(facts, filter.signature)) return false;
  return filter.text === undefined || hasWords(event, facts, filter.text);
}

function hasName(names: ReadonlySet<string>, wanted: string): boolean {
  if (!wanted.startsWith('*.')) return names.has(wanted);
  const end = wanted.slice(1);
  return [...names].some((name) => name.endsWith(end) && name.length > end.length);
}

function hasSignature(facts: { signature: string; signatureId: string }, wanted: string): boolean {
  if (/^\d+$/.test(wanted)) return facts.signatureId === wanted;
  const words = new Set(wordsOf(facts.signature));
  return wordsOf(wanted).every((part) => words.has(part));
}

function hasWords(event: StoredEvent, facts: ReturnType<typeof factsOf>, text: string): boolean {
  // What is indexed in part is looked through whole.
  const words = facts.partial ? new Set(wordsOf(JSON.stringify(event.record))) : facts.words;
  return searchWords(text).every(({ value, prefix }) =>
    prefix ? [...words].some((found) => found.startsWith(value)) : words.has(value),
  );
}
