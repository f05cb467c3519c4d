import type { Entry } from './entry.ts';

/** How one record was written lately: all of it but the digits of the TTL, and the entry that it counts for. */
export interface Spelling {
  /** `{"rrname":"…","rrtype":"…","ttl":` */
  readonly head: string;
  /** `,"rdata":"…"}` */
  readonly tail: string;
  readonly entry: Entry;
}

/** Pairs of places; a place is 8 bytes and a spelling about 300. */
const PAIRS = 131_072;
const QUOTE = 34;
const BACKSLASH = 92;
const SPACE = 32;
const [ZERO, NINE] = [48, 57];
/** Characters of `{"rrname":"`, of `,"rrtype":"`, of `,"ttl":` and of `,"rdata":"`. */
const [NAME_AT, TYPE_AT, TTL_AT, VALUE_AT] = [11, 11, 7, 10];

/**
 * Knows answers again by their text, without making a string of them: a name that is asked often costs no garbage.
 *
 * INVARIANTS: what {@link find} gives was compared character by character. There are at most two spellings for one pair of places,
 * and the third takes the place of the older: whoever can choose names can make it forget, and cannot make it slow.
 */
export class Spellings {
  /** Where the answer that was looked for ends: behind its closing brace. */
  end = 0;
  #places: (Spelling | undefined)[] = Array<undefined>(2 * PAIRS).fill(undefined);
  #headEnd = 0;
  #tailAt = 0;
  #pair = 0;
  #text = '';
  /** The low bytes of the text: read faster than the text, and only to find where something may be. */
  #bytes = Buffer.alloc(64 * 1024);

  /** Says in which text answers are looked for from now on. */
  begin(text: string): void {
    if (this.#bytes.length < text.length) this.#bytes = Buffer.alloc(text.length);
    const written = this.#bytes.write(text, 'latin1');
    // What a longer text left behind could only be taken for an end that is none; nothing is known by it.
    if (written < this.#bytes.length) this.#bytes[written] = 0;
    this.#text = text;
  }

  /** Looks for the answer that begins at `at`; it is known what follows it at {@link end} only when one was found. */
  find(at: number): Spelling | undefined {
    if (!this.#measure(at)) return undefined;
    return this.#at(this.#pair, at) ?? this.#at(this.#pair + 1, at);
  }

  /** Keeps how the answer between `at` and `end` is written; both have been found to be of the plain form. */
  keep(at: number, end: number, entry: Entry): void {
    const text = this.#text;
    if (!this.#measure(at) || this.end !== end) return;
    this.#places[this.#pair + 1] = this.#places[this.#pair];
    this.#places[this.#pair] = {
      // A slice would keep the whole message in memory.
      head: copyOf(text.slice(at, this.#headEnd)),
      tail: copyOf(text.slice(this.#tailAt, end)),
      entry,
    };
  }

  clear(): void {
    this.#places.fill(undefined);
  }

  #at(place: number, at: number): Spelling | undefined {
    const known = this.#places[place];
    if (known === undefined) return undefined;
    const { head, tail } = known;
    const same =
      head.length === this.#headEnd - at &&
      tail.length === this.end - this.#tailAt &&
      this.#text.startsWith(head, at) &&
      this.#text.startsWith(tail, this.#tailAt);
    return same ? known : undefined;
  }

  /** Finds where the parts of an answer end, and its pair of places, if it is written as expected. */
  #measure(at: number): boolean {
    const bytes = this.#bytes;
    let hash = 0x811c9dc5;
    let i = at + NAME_AT;
    let code = bytes[i] ?? 0;
    while (code >= SPACE && code !== QUOTE && code !== BACKSLASH) {
      hash = Math.imul(hash ^ code, 0x01000193);
      code = bytes[(i += 1)] ?? 0;
    }
    i += 1 + TYPE_AT;
    code = bytes[i] ?? 0;
    while (code >= SPACE && code !== QUOTE && code !== BACKSLASH) {
      hash = Math.imul(hash ^ code, 0x01000193);
      code = bytes[(i += 1)] ?? 0;
    }
    i += 1 + TTL_AT;
    this.#headEnd = i;
    code = bytes[i] ?? 0;
    while (code >= ZERO && code <= NINE) code = bytes[(i += 1)] ?? 0;
    this.#tailAt = i;
    if (i === this.#headEnd) return false;
    i += VALUE_AT;
    code = bytes[i] ?? 0;
    while (code >= SPACE && code !== QUOTE && code !== BACKSLASH) {
      hash = Math.imul(hash ^ code, 0x01000193);
      code = bytes[(i += 1)] ?? 0;
    }
    this.end = i + 2;
    this.#pair = ((hash ^ (hash >>> 15)) & (PAIRS - 1)) << 1;
    return true;
  }
}

/** The same text in memory of its own. */
export function copyOf(text: string): string {
  return Buffer.from(text, 'utf8').toString('utf8');
}
