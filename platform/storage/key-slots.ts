import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  randomBytes,
  scrypt,
  timingSafeEqual,
  type KeyObject,
} from 'node:crypto';
import { z } from 'zod';
import { derive } from './sealed-key.ts';

/**
 * A slot is one way to the sensor key: a key file, a passphrase, a recovery code. Each has an X25519 key pair (RFC 7748)
 * whose private half is sealed by the slot's own secret; the sensor key is sealed to the public half. So the sensor key can
 * be replaced without asking for any passphrase, and whoever once had the old one learns nothing of the new one.
 */

const base64 = (bytes: number) =>
  z
    .string()
    .max(8192)
    .refine((text) => Buffer.from(text, 'base64').length >= bytes, `is shorter than ${String(bytes)} bytes`);

const BoxSchema = z.strictObject({ nonce: base64(12), sealed: base64(16), tag: base64(16) });
type Box = z.output<typeof BoxSchema>;

const SlotSchema = z.strictObject({
  id: z.int().min(1).max(9999),
  kind: z.enum(['key-file', 'passphrase', 'recovery']),
  /** What its owner calls it; the path of a key file. */
  label: z.string().max(200),
  created: z.iso.datetime(),
  salt: base64(16),
  /** Cost of a passphrase, RFC 7914: memory is 128 * n * r bytes. Bounded, so that a changed file cannot exhaust us. */
  scrypt: z
    .strictObject({
      n: z
        .int()
        .min(1 << 14)
        .max(1 << 20),
      r: z.int().min(1).max(16),
      p: z.int().min(1).max(4),
    })
    .optional(),
  public: base64(32),
  /** The private half, sealed by the slot's secret. */
  private: BoxSchema,
  /** The sensor key, sealed to `public` with an ephemeral key of its own. */
  key: z.strictObject({ ephemeral: base64(32), ...BoxSchema.shape }),
});
export type Slot = z.output<typeof SlotSchema>;
export type SlotKind = Slot['kind'];
export type ScryptCost = NonNullable<Slot['scrypt']>;

export const SlotFileSchema = z.strictObject({
  version: z.literal(1),
  /** Name of the sensor key in force, see `sensorKeyId`. */
  sensorKey: z.string().regex(/^[0-9a-f]{16}$/),
  slots: z.array(SlotSchema).min(1).max(16),
  /** HMAC by the sensor key: a slot that somebody else put in would get the next sensor key. */
  mac: base64(32),
});
export type SlotFile = z.output<typeof SlotFileSchema>;

/** What a new slot is opened with. It is wiped by whoever made it. */
export interface SlotSecret {
  kind: SlotKind;
  label: string;
  secret: Buffer;
}

/** Cost of a passphrase: 128 MiB and about half a second. */
export const PASSPHRASE_COST: ScryptCost = Object.freeze({ n: 1 << 17, r: 8, p: 1 });
/** DER of an X25519 key up to its 32 bytes (RFC 8410). */
const PKCS8_HEAD = Buffer.from('302e020100300506032b656e04220420', 'hex');
const SPKI_HEAD = Buffer.from('302a300506032b656e032100', 'hex');

/** A new slot for the sensor key. */
export async function makeSlot(
  id: number,
  from: SlotSecret,
  sensorKey: Buffer,
  scryptCost = PASSPHRASE_COST,
): Promise<Slot> {
  const { publicKey, privateKey } = generateKeyPairSync('x25519');
  const raw = privateKey.export({ format: 'der', type: 'pkcs8' });
  const salt = randomBytes(32);
  const cost = from.kind === 'passphrase' ? { scrypt: scryptCost } : {};
  const opener = await openerOf({ kind: from.kind, salt: salt.toString('base64'), ...cost }, from.secret);
  try {
    const pub = publicKey.export({ format: 'der', type: 'spki' }).subarray(SPKI_HEAD.length);
    return {
      id,
      kind: from.kind,
      label: from.label,
      created: new Date().toISOString(),
      salt: salt.toString('base64'),
      ...cost,
      public: pub.toString('base64'),
      private: seal(opener, 'slot-private', raw.subarray(PKCS8_HEAD.length)),
      key: sealTo(publicKey, sensorKey),
    };
  } finally {
    raw.fill(0);
    opener.fill(0);
  }
}

/** The same slot for another sensor key; needs no secret. */
export function resealSlot(slot: Slot, sensorKey: Buffer): Slot {
  return { ...slot, key: sealTo(publicOf(slot.public), sensorKey) };
}

/** @returns the sensor key; undefined when the secret is not this slot's, or the slot was changed. */
export async function openSlot(slot: Slot, secret: Buffer): Promise<Buffer | undefined> {
  const opener = await openerOf(slot, secret);
  const scalar = unseal(opener, 'slot-private', slot.private);
  opener.fill(0);
  if (scalar === undefined) return undefined;
  const der = Buffer.concat([PKCS8_HEAD, scalar]);
  scalar.fill(0);
  try {
    const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
    const wrapping = boxKey(
      privateKey,
      publicOf(slot.key.ephemeral),
      Buffer.from(slot.key.ephemeral, 'base64'),
    );
    const { nonce, sealed, tag } = slot.key;
    const key = unseal(wrapping, 'slot-key', { nonce, sealed, tag });
    wrapping.fill(0);
    return key;
  } catch {
    return undefined; // not a point of the curve: somebody changed the file
  } finally {
    der.fill(0);
  }
}

/** Ties all slots to the sensor key. */
export function slotsMac(sensorKey: Buffer, slots: readonly Slot[]): string {
  const key = derive(sensorKey, Buffer.alloc(0), 'bulkhead/slots-mac/v1', 32);
  const mac = createHmac('sha256', key).update(JSON.stringify(slots)).digest('base64');
  key.fill(0);
  return mac;
}

export function macFits(sensorKey: Buffer, file: SlotFile): boolean {
  const right = Buffer.from(slotsMac(sensorKey, file.slots), 'base64');
  const given = Buffer.from(file.mac, 'base64');
  return right.length === given.length && timingSafeEqual(right, given);
}

function sealTo(to: KeyObject, plain: Buffer): Slot['key'] {
  const { publicKey, privateKey } = generateKeyPairSync('x25519');
  const ephemeral = publicKey.export({ format: 'der', type: 'spki' }).subarray(SPKI_HEAD.length);
  const wrapping = boxKey(privateKey, to, ephemeral);
  const box = seal(wrapping, 'slot-key', plain);
  wrapping.fill(0);
  return { ephemeral: ephemeral.toString('base64'), ...box };
}

function boxKey(privateKey: KeyObject, publicKey: KeyObject, ephemeral: Buffer): Buffer {
  const shared = diffieHellman({ privateKey, publicKey });
  const key = derive(shared, ephemeral, 'bulkhead/slot-box/v1', 32);
  shared.fill(0);
  return key;
}

function publicOf(text: string): KeyObject {
  const der = Buffer.concat([SPKI_HEAD, Buffer.from(text, 'base64')]);
  return createPublicKey({ key: der, format: 'der', type: 'spki' });
}

/** 32 bytes from a slot's secret: slow for what a person can remember, fast for what is random already. */
async function openerOf(slot: Pick<Slot, 'kind' | 'salt' | 'scrypt'>, secret: Buffer): Promise<Buffer> {
  const salt = Buffer.from(slot.salt, 'base64');
  if (slot.scrypt === undefined) return derive(secret, salt, `bulkhead/slot-${slot.kind}/v1`, 32);
  const { n, r, p } = slot.scrypt;
  return new Promise((resolve, reject) => {
    scrypt(secret, salt, 32, { N: n, r, p, maxmem: 160 * n * r }, (error, key) => {
      if (error === null) resolve(key);
      else reject(error);
    });
  });
}

function seal(key: Buffer, purpose: string, plain: Buffer): Box {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(purpose));
  const sealed = Buffer.concat([cipher.update(plain), cipher.final()]);
  return {
    nonce: nonce.toString('base64'),
    sealed: sealed.toString('base64'),
    tag: cipher.getAuthTag().toString('base64'),
  };
}

function unseal(key: Buffer, purpose: string, box: Box): Buffer | undefined {
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(box.nonce, 'base64'), {
      authTagLength: 16,
    })
      .setAAD(Buffer.from(purpose))
      .setAuthTag(Buffer.from(box.tag, 'base64'));
    return Buffer.concat([decipher.update(Buffer.from(box.sealed, 'base64')), decipher.final()]);
  } catch {
    return undefined;
  }
}
