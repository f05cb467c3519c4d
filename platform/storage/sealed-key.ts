import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { z } from 'zod';
import { BulkheadError } from '../kernel/index.ts';

/** Length of a volume's master key: the most that fscrypt takes (FSCRYPT_MAX_KEY_SIZE). */
export const MASTER_KEY_BYTES = 64;

const base64 = (bytes: number) =>
  z
    .string()
    .max(256)
    .refine(
      (text) => Buffer.from(text, 'base64').length === bytes,
      `is not ${String(bytes)} bytes of base64`,
    );

const SealedKeySchema = z.strictObject({
  version: z.literal(1),
  kind: z.enum(['instrument', 'platform']),
  name: z.string().max(64),
  /** UUID of the ext4 image that the key belongs to; empty for the platform. */
  volume: z.string().max(36),
  /** Which sensor key sealed it, see {@link sensorKeyId}. */
  sensorKey: z.string().regex(/^[0-9a-f]{16}$/),
  salt: base64(32),
  nonce: base64(12),
  sealed: base64(MASTER_KEY_BYTES),
  tag: base64(16),
});
type SealedKey = z.output<typeof SealedKeySchema>;

/** What a sealed key is for; all of it is authenticated, so a file moved to another name does not open. */
export interface KeyBinding {
  kind: 'instrument' | 'platform';
  name: string;
  volume: string;
}

/** A short name of a sensor key that says nothing about the key: tells "wrong key" from "damaged file". */
export function sensorKeyId(sensorKey: Buffer): string {
  return derive(sensorKey, Buffer.alloc(0), 'bulkhead/sensor-key-id/v1', 8).toString('hex');
}

/** HKDF-SHA256 (RFC 5869) with a purpose of its own for each use. */
export function derive(key: Buffer, salt: Buffer, info: string, bytes: number): Buffer {
  return Buffer.from(hkdfSync('sha256', key, salt, info, bytes));
}

/**
 * Seals a master key with AES-256-GCM. The wrapping key comes from the sensor key and a fresh salt, so no two files
 * share one and a nonce cannot repeat under it.
 */
export function sealKey(sensorKey: Buffer, binding: KeyBinding, master: Buffer): string {
  const salt = randomBytes(32);
  const nonce = randomBytes(12);
  const head = {
    version: 1 as const,
    ...binding,
    sensorKey: sensorKeyId(sensorKey),
    salt: salt.toString('base64'),
    nonce: nonce.toString('base64'),
  };
  const wrapping = derive(sensorKey, salt, 'bulkhead/wrap/v1', 32);
  const cipher = createCipheriv('aes-256-gcm', wrapping, nonce).setAAD(authenticated(head));
  const sealed = Buffer.concat([cipher.update(master), cipher.final()]);
  wrapping.fill(0);
  return `${JSON.stringify({
    ...head,
    sealed: sealed.toString('base64'),
    tag: cipher.getAuthTag().toString('base64'),
  })}\n`;
}

/**
 * Opens a sealed key file.
 * @throws BulkheadError STORAGE_KEY_DAMAGED (not a key file, changed, or for another name), STORAGE_KEY_WRONG.
 */
export function openSealedKey(
  sensorKey: Buffer,
  expected: Pick<KeyBinding, 'kind' | 'name'>,
  text: string,
): { volume: string; master: Buffer } {
  const file = parseSealedKey(text, expected.name);
  if (file.sensorKey !== sensorKeyId(sensorKey)) {
    throw new BulkheadError({
      code: 'STORAGE_KEY_WRONG',
      message: `The key of ${expected.name} was sealed with the sensor key ${file.sensorKey}, not with the present one.`,
      hint: 'Give the sensor the key file that it was started with first.',
      fields: { name: expected.name, sensorKey: file.sensorKey },
    });
  }
  if (file.kind !== expected.kind || file.name !== expected.name) throw damaged(expected.name);
  const wrapping = derive(sensorKey, Buffer.from(file.salt, 'base64'), 'bulkhead/wrap/v1', 32);
  try {
    const decipher = createDecipheriv('aes-256-gcm', wrapping, Buffer.from(file.nonce, 'base64'), {
      authTagLength: 16,
    })
      .setAAD(authenticated(file))
      .setAuthTag(Buffer.from(file.tag, 'base64'));
    const master = Buffer.concat([decipher.update(Buffer.from(file.sealed, 'base64')), decipher.final()]);
    return { volume: file.volume, master };
  } catch (cause) {
    throw damaged(expected.name, cause);
  } finally {
    wrapping.fill(0);
  }
}

/** The volume that a key file says it is for, unauthenticated: only to recognise leftovers. */
export function sealedKeyVolume(text: string, name: string): string {
  return parseSealedKey(text, name).volume;
}

/** What a key file says it is for, unauthenticated: `openSealedKey` checks it. @throws BulkheadError STORAGE_KEY_DAMAGED */
export function sealedKeyBinding(text: string, shown: string): KeyBinding {
  const { kind, name, volume } = parseSealedKey(text, shown);
  return { kind, name, volume };
}

function parseSealedKey(text: string, name: string): SealedKey {
  try {
    return SealedKeySchema.parse(JSON.parse(text));
  } catch (cause) {
    throw damaged(name, cause);
  }
}

function authenticated(head: Omit<SealedKey, 'sealed' | 'tag'>): Buffer {
  const { version, kind, name, volume, sensorKey, salt, nonce } = head;
  return Buffer.from(JSON.stringify([version, kind, name, volume, sensorKey, salt, nonce]));
}

function damaged(name: string, cause?: unknown): BulkheadError {
  return new BulkheadError({
    code: 'STORAGE_KEY_DAMAGED',
    message: `The stored key of ${name} is damaged or was changed.`,
    hint: "Restore the file from a backup of the sensor's keys.",
    fields: { name },
    cause,
  });
}
