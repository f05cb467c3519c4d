import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';
/** Crockford's: without the letters that look like digits, and without `u`. */
const TYPED = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const TYPED_LENGTH = 12;

/** 256 random bits, for a cookie. */
export function randomSecret(): string {
  return randomBytes(32).toString('base64url');
}

/** Random base32 characters of 5 bits each. */
export function randomBase32(characters: number): string {
  return pick(BASE32, characters);
}

/** `p_` and 16 base32 characters. */
export function randomId(prefix: 'p' | 'e' | 't'): string {
  return `${prefix}_${randomBase32(16)}`;
}

/** Sixty random bits for a person to type: `XXXX-XXXX-XXXX`. */
export function randomTypedCode(): string {
  return pick(TYPED, TYPED_LENGTH).replaceAll(/(.{4})(?=.)/g, '$1-');
}

/** What a person typed, as it was meant: lower case, O for 0, other dashes and blanks. */
export function readTypedCode(typed: string): string {
  return typed
    .toUpperCase()
    .replaceAll(/[^0-9A-Z]/g, '')
    .replaceAll('O', '0')
    .replaceAll(/[IL]/g, '1');
}

/**
 * What is kept of a secret. Plain SHA-256 is enough: every secret that goes through here has 60 random bits or more and either
 * few attempts or no use for guessing; passwords go through argon2id.
 */
export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url');
}

/** Compares two hashes without telling by time where they differ. */
export function sameHash(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}

/** Both alphabets have 32 characters, so that no character is more likely than another. */
function pick(alphabet: string, characters: number): string {
  return [...randomBytes(characters)].map((byte) => alphabet.charAt(byte & 31)).join('');
}
