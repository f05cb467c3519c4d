import { createHash, randomBytes, randomInt } from 'node:crypto';
import { CODE_ALPHABET } from '@bulkhead/platform/contracts';

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';

/** `s_…`, `g_…`, `c_…`: 80 random bits. */
export function newId(kind: 's' | 'g' | 'c'): string {
  return `${kind}_${[...randomBytes(16)].map((byte) => BASE32[byte & 31]).join('')}`;
}

/** An adoption code, `XXXX-XXXX-XXXX`: 60 random bits. */
export function newCode(): string {
  const characters = Array.from({ length: 12 }, () => CODE_ALPHABET[randomInt(32)] ?? '').join('');
  return (characters.match(/.{4}/g) ?? []).join('-');
}

/**
 * What is kept of a code. No salt and no slow hash: with 60 random bits and a life of days there is nothing to guess ahead, and
 * a look-up by the hash tells nothing by its time.
 */
export function hashOfCode(code: string): string {
  return createHash('sha256').update(`bulkhead adoption code\n${code}`).digest('hex');
}
