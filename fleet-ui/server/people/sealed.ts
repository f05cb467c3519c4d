import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const LONGEST = 2_048;

/** Keeps small things where they may neither be read nor changed: at a browser, or in a database. */
export interface Seal {
  seal(value: unknown): string;
  /** undefined: not sealed here, or changed */
  open(sealed: string): unknown;
}

/**
 * AES-256-GCM.
 * @param key 32 bytes; without, one that lives as long as this object: a restart voids everything
 */
export function openSeal(key: Uint8Array = randomBytes(32)): Seal {
  return {
    seal: (value) => {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', key, nonce);
      const text = Buffer.concat([cipher.update(JSON.stringify(value)), cipher.final()]);
      return Buffer.concat([nonce, cipher.getAuthTag(), text]).toString('base64url');
    },
    open: (sealed) => {
      if (sealed.length > LONGEST) return undefined;
      const bytes = Buffer.from(sealed, 'base64url');
      if (bytes.length <= NONCE_BYTES + TAG_BYTES) return undefined;
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE_BYTES), {
        authTagLength: TAG_BYTES,
      });
      decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
      try {
        const text = decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES), undefined, 'utf8');
        return JSON.parse(text + decipher.final('utf8')) as unknown;
      } catch {
        return undefined;
      }
    },
  };
}
