import { createHash, randomBytes } from 'node:crypto';

/** Crockford's base 32: no I, L, O, U, which people misread. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const SECRET_BYTES = 20;
const CHECK_BYTES = 5;
const GROUP = 5;

/** A new recovery code: 160 random bits and a check sum, in eight groups of five characters. */
export function makeRecoveryCode(): { code: string; secret: Buffer } {
  const secret = randomBytes(SECRET_BYTES);
  const text = encode(Buffer.concat([secret, checkOf(secret)]));
  return { code: (text.match(new RegExp(`.{${String(GROUP)}}`, 'g')) ?? []).join('-'), secret };
}

/** What was typed, whatever its case, dashes and spaces. @returns undefined when it is no code, or is mistyped. */
export function parseRecoveryCode(typed: Buffer): Buffer | undefined {
  const text = typed.toString('latin1').toUpperCase().replaceAll(/[\s-]/g, '');
  const plain = text.replaceAll('O', '0').replaceAll(/[IL]/g, '1');
  if (plain.length !== ((SECRET_BYTES + CHECK_BYTES) * 8) / 5) return undefined;
  const bytes = decode(plain);
  if (bytes === undefined) return undefined;
  const secret = bytes.subarray(0, SECRET_BYTES);
  return checkOf(secret).equals(bytes.subarray(SECRET_BYTES)) ? Buffer.from(secret) : undefined;
}

function checkOf(secret: Buffer): Buffer {
  return createHash('sha256').update('bulkhead/recovery/v1').update(secret).digest().subarray(0, CHECK_BYTES);
}

function encode(bytes: Buffer): string {
  let text = '';
  let bits = 0;
  let value = 0;
  for (const byte of bytes) {
    value = (value << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += ALPHABET[(value >> bits) & 31] ?? '';
      value &= (1 << bits) - 1;
    }
  }
  return text;
}

function decode(text: string): Buffer | undefined {
  const bytes: number[] = [];
  let bits = 0;
  let value = 0;
  for (const character of text) {
    const five = ALPHABET.indexOf(character);
    if (five < 0) return undefined;
    value = (value << 5) | five;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes.push((value >> bits) & 255);
      value &= (1 << bits) - 1;
    }
  }
  return Buffer.from(bytes);
}
