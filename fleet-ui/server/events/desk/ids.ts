import { randomBytes } from 'node:crypto';

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';

/** `x_…` of a suppression, `v_…` of a view: 80 random bits. */
export function deskId(kind: 'x' | 'v'): string {
  return `${kind}_${[...randomBytes(16)].map((byte) => BASE32[byte & 31]).join('')}`;
}
