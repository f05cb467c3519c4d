import { isIP, isIPv4 } from 'node:net';
import { ipv6Groups } from './ip-address.ts';

/** 8 hex digits for IPv4, 32 for IPv6 (RFC 4291); an IPv4 address mapped into IPv6 is the IPv4 address. Undefined for what is none. */
export function addressHex(text: string): string | undefined {
  if (text.length > 45 || text.includes('%') || isIP(text) === 0) return undefined;
  if (isIPv4(text)) return v4Hex(text);
  const hex = v6Hex(text.toLowerCase());
  return hex.startsWith('00000000000000000000ffff') ? hex.slice(24) : hex;
}

function v4Hex(text: string): string {
  let value = 0;
  for (const part of text.split('.')) value = value * 256 + Number(part);
  return value.toString(16).padStart(8, '0');
}

function v6Hex(text: string): string {
  return ipv6Groups(text)
    .map((group) => group.padStart(4, '0'))
    .join('');
}

/** Networks for which every address has an index word of its own: prefix lengths in bits, longest first. */
const INDEXED_BITS = { 8: [24, 16, 8], 32: [64, 48, 32] } as const;
/** At most so many words stand for one network; otherwise a wider one is looked up and sifted. */
const MAX_WORDS = 16;

/** Index words of one address: itself, and the networks around it. */
export function addressWords(hex: string): string[] {
  const bits = INDEXED_BITS[hex.length as 8 | 32];
  return [`a=${hex}`, ...bits.map((length) => `a=${hex.slice(0, length / 4)}:`)];
}

/** An address, or all of a network in CIDR notation (RFC 4632). */
export interface AddressRange {
  hex: string;
  bits: number;
}

/** Parses `10.1.2.3`, `10.0.0.0/8`, `2001:db8::/32`; undefined for what is neither. */
export function parseRange(text: string): AddressRange | undefined {
  const [address = '', length, ...rest] = text.split('/');
  const hex = addressHex(address);
  if (hex === undefined || rest.length > 0) return undefined;
  const all = hex.length * 4;
  if (length === undefined) return { hex, bits: all };
  if (!/^\d{1,3}$/.test(length) || Number(length) > all) return undefined;
  return { hex, bits: Number(length) };
}

export function inRange(hex: string, range: AddressRange): boolean {
  if (hex.length !== range.hex.length) return false;
  const whole = Math.floor(range.bits / 4);
  if (hex.slice(0, whole) !== range.hex.slice(0, whole)) return false;
  const rest = range.bits % 4;
  if (rest === 0) return true;
  const shift = 4 - rest;
  const digit = (text: string): number => parseInt(text.charAt(whole), 16) >> shift;
  return digit(hex) === digit(range.hex);
}

/**
 * Index words of which one stands in every record with an address of the range. Empty: the range is so wide that only
 * looking at the records can tell.
 */
export function rangeWords({ hex, bits }: AddressRange): string[] {
  const all = hex.length * 4;
  if (bits === all) return [`a=${hex}`];
  const indexed = INDEXED_BITS[hex.length as 8 | 32];
  const wider = indexed.find((length) => length <= bits);
  if (wider === bits) return [`a=${hex.slice(0, bits / 4)}:`];
  const longer = [all, ...indexed].filter((length) => length > bits).at(-1) ?? all;
  if (2 ** (longer - bits) <= MAX_WORDS) {
    const digits = longer / 4;
    const first = BigInt(`0x${hex.slice(0, digits)}`) & ~((1n << BigInt(longer - bits)) - 1n);
    return Array.from({ length: 2 ** (longer - bits) }, (_, n) => {
      const text = (first + BigInt(n)).toString(16).padStart(digits, '0');
      return longer === all ? `a=${text}` : `a=${text}:`;
    });
  }
  return wider === undefined ? [] : [`a=${hex.slice(0, wider / 4)}:`];
}
