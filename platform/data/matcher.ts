import { spellings, type DataSubject } from './subject.ts';

/** Deepest value of a record that is looked at, and most values: a record is hostile. */
const MAX_DEPTH = 32;
const MAX_VALUES = 10_000;

/** Tells whether a record is about a subject. */
export interface SubjectMatcher {
  /** Quick look at a packed message: false means that no record in it matches. */
  mayContain(body: Uint8Array): boolean;
  /** Any text value of the record is the subject, or has it as a word of its own. */
  matches(record: unknown): boolean;
}

/**
 * A matcher for one subject. `10.0.0.1` is not found in `10.0.0.11`, nor `example.org` in `www.example.org` or
 * `example.org.net`: a name is the whole name.
 */
export function subjectMatcher(subject: DataSubject): SubjectMatcher {
  const needles = spellings(subject).map((text) => text.toLowerCase());
  return {
    mayContain: (body) => {
      const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
      // Digits, dots and colons have no case, so an address needs no copy of the body.
      if ('address' in subject && /^[\d.]+$/.test(subject.address)) {
        return needles.some((needle) => text.includes(needle));
      }
      // JSON may escape what is not ASCII; then only the records themselves can tell.
      if (needles.some((needle) => !/^[\x20-\x7e]*$/.test(needle))) return true;
      const lower = text.toString('latin1').toLowerCase();
      return lower.includes('\\u00') || needles.some((needle) => lower.includes(needle));
    },
    matches: (record) => walk(record, needles, 0, { left: MAX_VALUES }),
  };
}

function walk(value: unknown, needles: readonly string[], depth: number, budget: { left: number }): boolean {
  budget.left -= 1;
  if (budget.left < 0 || depth > MAX_DEPTH) return false;
  if (typeof value === 'string') return hasWord(value.toLowerCase(), needles);
  if (typeof value !== 'object' || value === null) return false;
  for (const inner of Object.values(value)) if (walk(inner, needles, depth + 1, budget)) return true;
  return false;
}

function hasWord(text: string, needles: readonly string[]): boolean {
  return needles.some((needle) => {
    for (let at = text.indexOf(needle); at >= 0; at = text.indexOf(needle, at + 1)) {
      const before = text.charAt(at - 1);
      const rest = text.slice(at + needle.length, at + needle.length + 2);
      // A port may follow an IPv4 address (`10.0.0.1:53`); a group of IPv6 may not follow an IPv6 one.
      const more = needle.includes(':') ? /^[\w:-]|^\.\w/ : /^[\w-]|^\.\w/;
      if (!/[\w.:-]/.test(before) && !more.test(rest)) return true;
    }
    return false;
  });
}
