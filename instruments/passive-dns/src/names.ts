/** Longest name or value that is kept, in characters: a DNS name of 255 bytes, every byte escaped as `\xNN`. */
export const MAX_NAME = 1_020;

/** Names that need no work: the common case, told by one look. */
const PLAIN = /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/;
/** White space, control characters (C0, DEL, C1) and line separators: they would break lines, terminals and keys. */
const UNSAFE = /[\u0000-\u0020\u007f-\u00a0\u2028\u2029]/g;

/**
 * A domain name as it is kept: ASCII letters lower-cased (RFC 4343; others stay as they are, so that a homoglyph stays
 * one), no dot at the end, white space and control characters as `\DDD` (RFC 1035 §5.1). The root is `.`.
 * @returns undefined for an empty name, or one longer than {@link MAX_NAME}
 */
export function normalName(name: string): string | undefined {
  if (name.length <= 255 && PLAIN.test(name)) return name;
  if (name.length === 0 || name.length > MAX_NAME) return undefined;
  const whole = escapeUnsafe(name).replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
  const bare = whole.length > 1 && whole.endsWith('.') ? whole.slice(0, -1) : whole;
  return bare.length > MAX_NAME ? undefined : bare;
}

/** Text in which nothing can end a line or steer a terminal; half a surrogate pair becomes U+FFFD. */
export function escapeUnsafe(text: string): string {
  return wellFormed(text).replace(
    UNSAFE,
    (character) => `\\${String(character.charCodeAt(0)).padStart(3, '0')}`,
  );
}

/** The text as SQLite will keep it: half a surrogate pair is U+FFFD in UTF-8. */
export function wellFormed(text: string): string {
  return Buffer.from(text, 'utf8').toString('utf8');
}

/** The labels in reverse order: `www.example.org` is `org.example.www`, and below a domain is one range of these. */
export function reversedName(name: string): string {
  return name === '.' ? name : name.split('.').reverse().join('.');
}

/**
 * The part of a reversed name by which its number of records is bounded: roughly what one registers. The last two labels, or
 * three where the second is a short one below a country (`co.uk`), or where the name is of the reverse tree.
 */
export function suffixOf(reversed: string): string {
  const first = reversed.indexOf('.');
  if (first < 0) return reversed;
  const second = end(reversed, first + 1);
  const registry = first === 2 && second - first - 1 <= 3;
  if (!registry && reversed !== 'arpa' && !reversed.startsWith('arpa.')) return reversed.slice(0, second);
  return second === reversed.length ? reversed : reversed.slice(0, end(reversed, second + 1));
}

function end(text: string, from: number): number {
  const at = text.indexOf('.', from);
  return at < 0 ? text.length : at;
}
