import { keyOf, type Coalescer } from './coalescer.ts';
import { EventTimes } from './event-time.ts';
import { observationsOf } from './observations.ts';

/** What one message held. */
export interface LineCounts {
  observations: number;
  /** Lines or answers that were none. */
  malformed: number;
}

const ANSWERS = '"answers":[';
const TIMESTAMP = '{"timestamp":"';
/** One answer as Suricata writes it, where nothing in it needs unescaping. */
const ANSWER =
  /\{"rrname":"([^"\\\u0000-\u001f]+)","rrtype":"([A-Z0-9-]+)","ttl":\d+,"rdata":"([^"\\\u0000-\u001f]+)"\}([,\]])/y;
/** Answers of one record that are taken on the short way. */
const MAX_SHORT = 64;

/**
 * Reads the body of a message of `dns` events into the coalescer.
 *
 * Parsing each record as JSON costs 5–13 µs, which would bound the rate below what the database takes. So answers are first read by a pattern that
 * fits only what Suricata writes for plain names; a record that it does not fit is parsed as JSON, with the same result. In
 * JSON the text `"answers":[` cannot stand inside of a string, where quotes are escaped.
 *
 * INVARIANT: a record is counted wholly by one of the two ways.
 */
export class DnsLines {
  readonly #into: Coalescer;
  readonly #times = new EventTimes();
  readonly #names: string[] = [];
  readonly #types: string[] = [];
  readonly #values: string[] = [];

  constructor(into: Coalescer) {
    this.#into = into;
  }

  /** @param packedAt `ce-time`, for records without a plausible time of their own. */
  read(text: string, packedAt: string, nowMs: number): LineCounts {
    const counts = { observations: 0, malformed: 0 };
    let answers = -1;
    for (let start = 0, end = 0; start < text.length; start = end + 1) {
      end = text.indexOf('\n', start);
      if (end < 0) end = text.length;
      if (end === start) continue;
      if (answers < start) answers = text.indexOf(ANSWERS, start);
      if (answers < 0) answers = text.length;
      const found = answers < end ? this.#scan(text, answers + ANSWERS.length) : 0;
      if (found === undefined || (found === 0 && this.#mayHoldMore(text, start, end))) {
        this.#parse(text.slice(start, end), packedAt, nowMs, counts);
      } else if (found > 0) {
        const time = text.startsWith(TIMESTAMP, start) ? text.slice(start + 14, start + 45) : undefined;
        const quote = time?.indexOf('"') ?? -1;
        const seconds = this.#times.seconds(nowMs, quote < 0 ? undefined : time?.slice(0, quote), packedAt);
        for (let i = 0; i < found; i += 1) this.#take(i, seconds, counts);
      }
    }
    return counts;
  }

  /** Reads the answers from `at` on; undefined when they are not of the plain form. */
  #scan(text: string, at: number): number | undefined {
    ANSWER.lastIndex = at;
    for (let found = 0; found < MAX_SHORT; found += 1) {
      const match = ANSWER.exec(text);
      if (match === null) return found === 0 && text.startsWith(']', at) ? 0 : undefined;
      this.#names[found] = match[1] ?? '';
      this.#types[found] = match[2] ?? '';
      this.#values[found] = match[3] ?? '';
      if (match[4] === ']') return found + 1;
    }
    return undefined;
  }

  #take(index: number, seconds: number, counts: LineCounts): void {
    const rrname = this.#names[index] ?? '';
    const rrtype = this.#types[index] ?? '';
    const rdata = this.#values[index] ?? '';
    const key = keyOf(rrname, rrtype, rdata);
    if (this.#into.hit(key, seconds)) {
      counts.observations += 1;
      return;
    }
    const read = observationsOf({ dns: { answers: [{ rrname, rrtype, rdata }] } });
    counts.malformed += read.malformed;
    for (const observation of read.seen) {
      this.#into.add(observation, seconds, key);
      counts.observations += 1;
    }
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
