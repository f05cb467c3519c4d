import { keyOf, type Coalescer } from './coalescer.ts';
import type { Entry } from './entry.ts';
import { EventTimes } from './event-time.ts';
import { observationsOf } from './observations.ts';

/** What one message held. */
export interface LineCounts {
  observations: number;
  /** Lines or answers that were none. */
  malformed: number;
}

const ANSWERS = '"answers":[';
const DNS = '"dns":{';
/** How a query begins in version 2 and in version 3: it has no answers. */
const QUERIES = ['"version":2,"type":"query",', '"version":3,"type":"request",'] as const;
const TIMESTAMP = '{"timestamp":"';
/** Characters to the end of the dot before the fraction of a second, and of the fraction. */
const [DOT, FRACTION] = [34, 6];
/** One answer as Suricata writes it, where nothing in it needs unescaping. */
const ANSWER =
  /\{"rrname":"([^"\\\u0000-\u001f]+)","rrtype":"([A-Z0-9-]+)","ttl":\d+,"rdata":"([^"\\\u0000-\u001f]+)"\}([,\]])/y;
const [COMMA, BRACKET] = [44, 93];
/** Answers of one record that are taken on the short way. */
const MAX_SHORT = 64;

/** An answer that was read and not counted yet: what it is known as, or where it stands and what it says. */
interface Read {
  known: Entry | undefined;
  at: number;
  end: number;
  rrname: string;
  rrtype: string;
  rdata: string;
}

/**
 * Reads the body of a message of `dns` events into the coalescer.
 *
 * Parsing each record as JSON costs 5–13 µs, which would bound the rate below what the database takes. So answers are first looked for among
 * those that were written in the same way lately, then read by a pattern that fits only what Suricata writes for plain names; a record
 * that it does not fit is parsed as JSON, with the same result. In JSON the texts `"answers":[` and `"dns":{` cannot stand inside of
 * a string, where quotes are escaped.
 *
 * INVARIANT: a record is counted wholly by one of the two ways.
 */
export class DnsLines {
  readonly #into: Coalescer;
  readonly #times = new EventTimes();
  readonly #read: Read[] = Array.from({ length: MAX_SHORT }, () => ({
    known: undefined,
    at: 0,
    end: 0,
    rrname: '',
    rrtype: '',
    rdata: '',
  }));
  /** Second and zone of the last time that was read, and what they came to. */
  #second = '';
  #zone = '';
  #seconds = 0;

  constructor(into: Coalescer) {
    this.#into = into;
  }

  /** @param packedAt `ce-time`, for records without a plausible time of their own. */
  read(text: string, packedAt: string, nowMs: number): LineCounts {
    const counts = { observations: 0, malformed: 0 };
    let answers = -1;
    let dns = -1;
    this.#second = '';
    this.#into.spellings.begin(text);
    for (let start = 0, end = 0; start < text.length; start = end + 1) {
      if (dns < start) dns = indexFrom(text, DNS, start);
      end = indexFrom(text, '\n', start);
      if (end === start || (dns < end && isQuery(text, dns + DNS.length))) continue;
      if (answers < start) answers = indexFrom(text, ANSWERS, dns < end ? dns : start);
      const found = answers < end ? this.#scan(text, answers + ANSWERS.length) : 0;
      if (found === undefined || (found === 0 && this.#mayHoldMore(text, start, end))) {
        this.#parse(text.slice(start, end), packedAt, nowMs, counts);
      } else if (found > 0) {
        const seconds = this.#secondsAt(text, start, packedAt, nowMs);
        for (let i = 0; i < found; i += 1) this.#take(i, seconds, counts);
      }
    }
    return counts;
  }

  /** Reads the answers from `at` on; undefined when they are not of the plain form. */
  #scan(text: string, start: number): number | undefined {
    const { spellings } = this.#into;
    let at = start;
    for (let found = 0; found < MAX_SHORT; found += 1) {
      const read = this.#read[found] as Read;
      const known = spellings.find(at);
      read.known = known?.entry;
      if (known !== undefined) read.end = spellings.end;
      else if (!readAnswer(text, at, read)) return found === 0 && text.startsWith(']', at) ? 0 : undefined;
      read.at = at;
      at = read.end + 1;
      const next = text.charCodeAt(read.end);
      if (next === BRACKET) return found + 1;
      if (next !== COMMA) return undefined;
    }
    return undefined;
  }

  #take(index: number, seconds: number, counts: LineCounts): void {
    const { known, at, end, rrname, rrtype, rdata } = this.#read[index] as Read;
    if (known !== undefined) {
      this.#into.count(known, seconds);
      counts.observations += 1;
      return;
    }
    let entry = this.#into.hit(keyOf(rrname, rrtype, rdata), seconds);
    if (entry === undefined) {
      const read = observationsOf({ dns: { answers: [{ rrname, rrtype, rdata }] } });
      counts.malformed += read.malformed;
      const [observation] = read.seen;
      if (observation === undefined) return;
      entry = this.#into.add(observation, seconds);
    }
    counts.observations += 1;
    this.#into.spellings.keep(at, end, entry);
  }

  /** The time of a record; within one message, records of one second are read once. */
  #secondsAt(text: string, start: number, packedAt: string, nowMs: number): number {
    const zoneAt = start + DOT + FRACTION;
    const same =
      this.#second !== '' &&
      text.startsWith(this.#second, start) &&
      text.startsWith(this.#zone, zoneAt) &&
      areDigits(text, start + DOT, zoneAt);
    if (same) return this.#seconds;
    const time = text.startsWith(TIMESTAMP, start) ? text.slice(start + 14, start + 45) : undefined;
    const quote = time?.indexOf('"') ?? -1;
    const seconds = this.#times.seconds(nowMs, quote < 0 ? undefined : time?.slice(0, quote), packedAt);
    const regular = text.charAt(start + DOT - 1) === '.' && quote === zoneAt + 5 - start - TIMESTAMP.length;
    this.#second = regular && areDigits(text, start + DOT, zoneAt) ? text.slice(start, start + DOT) : '';
    this.#zone = text.slice(zoneAt, zoneAt + 6);
    this.#seconds = seconds;
    return seconds;
  }

  /** A record without `answers` is a query or an empty answer, unless it has the grouped form or is written in another way. */
  #mayHoldMore(text: string, start: number, end: number): boolean {
    const line = text.slice(start, end);
    return line.includes('"grouped":{') || !line.includes('"dns":{') || line.includes('"answers" ');
  }

  #parse(line: string, packedAt: string, nowMs: number, counts: LineCounts): void {
    let record: unknown;
    try {
      record = JSON.parse(line);
    } catch {
      counts.malformed += 1;
      return;
    }
    if (typeof record !== 'object' || record === null || Array.isArray(record)) {
      counts.malformed += 1;
      return;
    }
    const fields = record as Readonly<Record<string, unknown>>;
    const { seen, malformed } = observationsOf(fields);
    const seconds = this.#times.seconds(nowMs, fields['timestamp'], packedAt);
    for (const observation of seen) this.#into.add(observation, seconds);
    counts.observations += seen.length;
    counts.malformed += malformed;
  }
}

function readAnswer(text: string, at: number, into: Read): boolean {
  ANSWER.lastIndex = at;
  const match = ANSWER.exec(text);
  if (match === null) return false;
  into.end = ANSWER.lastIndex - 1;
  [, into.rrname = '', into.rrtype = '', into.rdata = ''] = match;
  return true;
}

function isQuery(text: string, at: number): boolean {
  return text.startsWith(QUERIES[0], at) || text.startsWith(QUERIES[1], at);
}

function areDigits(text: string, from: number, to: number): boolean {
  for (let i = from; i < to; i += 1) {
    const code = text.charCodeAt(i);
    if (!(code >= 48 && code <= 57)) return false;
  }
  return true;
}

/** Where `wanted` is from `from` on, or the end of the text. */
function indexFrom(text: string, wanted: string, from: number): number {
  const at = text.indexOf(wanted, from);
  return at < 0 ? text.length : at;
}
