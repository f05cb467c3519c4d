/** First byte of an encoded seed (`S`) and of a user's key (`U`): nkeys, https://github.com/nats-io/nkeys#prefixes. */
const SEED_PREFIX = 18 << 3;
const USER_PREFIX = 20 << 3;

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/**
 * Text form (`SU…`) of the nkey of a user whose ed25519 seed is `raw`. The library makes random keys only; ours are
 * derived from the platform key, so that nothing more than that key has to be kept.
 * @param raw 32 bytes
 */
export function userSeed(raw: Buffer): string {
  if (raw.length !== 32) throw new RangeError('an ed25519 seed has 32 bytes');
  const body = Buffer.concat([Buffer.from([SEED_PREFIX | (USER_PREFIX >> 5), (USER_PREFIX & 31) << 3]), raw]);
  const sum = Buffer.alloc(2);
  sum.writeUInt16LE(crc16(body));
  return base32(Buffer.concat([body, sum]));
}

/** CRC-16/XMODEM, as nkeys uses it. */
function crc16(data: Buffer): number {
  let crc = 0;
  for (const byte of data) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc & 0x8000) === 0 ? crc << 1 : (crc << 1) ^ 0x1021;
    crc &= 0xffff;
  }
  return crc;
}

/** RFC 4648 base32 without padding. */
function base32(data: Buffer): string {
  let text = '';
  let bits = 0;
  let value = 0;
  for (const byte of data) {
    value = ((value << 8) | byte) & 0xffff;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += BASE32.charAt((value >>> bits) & 31);
    }
  }
  return bits === 0 ? text : text + BASE32.charAt((value << (5 - bits)) & 31);
}
