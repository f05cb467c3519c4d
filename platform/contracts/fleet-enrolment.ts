import { z } from 'zod';
import { NameSchema } from './names.ts';

/**
 * How a machine becomes a sensor of a fleet, over HTTPS at the fleet's web listener, and how it returns after a long absence.
 * What is not known is ignored on both sides: a fleet speaks with sensors of the version before.
 */

/**
 * Stands in every server certificate that the fleet's own CA issues, beside the configured names. A sensor always asks for it
 * (TLS server name) and checks the certificate against it and against that CA alone, at the web listener as well as at the
 * link: so the fleet may be reached by any address, and people may be shown a certificate from elsewhere.
 */
export const FLEET_SERVER_NAME = 'fleet.bulkhead.internal';

export const ENROLMENT_PATHS = {
  /** GET → {@link CaReply}. Asked for without trusting the answer; the fingerprint decides. */
  ca: '/api/v1/enrol/ca',
  /** POST {@link AdoptRequest} → {@link AdoptReply}. */
  adopt: '/api/v1/enrol/adopt',
  /** GET → {@link NonceReply}. */
  nonce: '/api/v1/enrol/nonce',
  /** POST {@link ReturnRequest} → {@link ReturnReply}. Asked again, with a fresh nonce and the same CSR key, while it waits. */
  return: '/api/v1/enrol/return',
} as const;

/** Identity of a sensor: common name of its certificate. 80 random bits as base32 in lower case. */
export const SensorIdSchema = z
  .string()
  .regex(/^s_[a-z2-7]{16}$/, 'must be the id of a sensor: s_ and 16 characters of a-z and 2-7');

/** The URI that stands as alternative name in a sensor's certificate. */
export function sensorUri(sensor: string): string {
  return `bulkhead:sensor:${sensor}`;
}

/** Crockford's base32: no I, L, O, U. */
export const CODE_ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** As a person may type it: any case, with or without dashes and spaces, O for 0 and I or L for 1. */
export function normaliseCode(text: string): string | undefined {
  if (text.length > 64) return undefined;
  const plain = text.toUpperCase().replaceAll(/[\s-]/g, '').replaceAll('O', '0').replaceAll(/[IL]/g, '1');
  return /^[0-9A-HJKMNP-TV-Z]{12}$/.test(plain) ? (plain.match(/.{4}/g) ?? []).join('-') : undefined;
}

/** A one-use adoption code in its one written form, `XXXX-XXXX-XXXX`. 60 bits. */
export const AdoptionCodeSchema = z
  .string()
  .max(64)
  .transform((text, context) => {
    const code = normaliseCode(text);
    if (code === undefined) {
      context.addIssue({
        code: 'custom',
        message: 'must be an adoption code: three groups of four characters',
      });
      return z.NEVER;
    }
    return code;
  });

/** What a person carries from the fleet to a sensor. */
export interface JoinToken {
  code: string;
  /** Name or address of the fleet's web listener; an IPv6 address without brackets. */
  host: string;
  port: number;
  /** SHA-256 of the CA certificate (DER), base64url without padding. */
  fingerprint: string;
}

const HOST_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/;

/** @returns undefined for anything that is not exactly `code@host:port#fingerprint`. */
export function parseJoinToken(text: string): JoinToken | undefined {
  if (text.length > 400) return undefined;
  const parts = /^([^@]+)@(?:\[([0-9A-Fa-f:.]+)\]|([^:@#[\]]+)):(\d{1,5})#([A-Za-z0-9_-]{43})$/.exec(
    text.trim(),
  );
  if (parts === null) return undefined;
  const [, typed = '', six, name, portText, fingerprint = ''] = parts;
  const code = normaliseCode(typed);
  const host = six ?? name ?? '';
  const port = Number(portText);
  if (code === undefined || port < 1 || port > 65_535) return undefined;
  if (six === undefined ? !HOST_NAME.test(host) : !z.ipv6().safeParse(six).success) return undefined;
  return { code, host, port, fingerprint };
}

/** The token as {@link parseJoinToken} reads it. */
export function formatJoinToken({ code, host, port, fingerprint }: JoinToken): string {
  return `${code}@${host.includes(':') ? `[${host}]` : host}:${String(port)}#${fingerprint}`;
}

/** Only on the machine itself may the fleet be asked without TLS (`plainHttp`, all in one). */
export function isLoopbackHost(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host);
}

/** One network interface of a machine, for a person who maps monitor interfaces to it. */
export const HardwareNicSchema = z.object({
  device: z.string().min(1).max(15),
  mac: z.string().max(17).optional(),
  driver: z.string().max(64).optional(),
  speedMbps: z.int().min(0).optional(),
  /** Has a carrier. */
  link: z.boolean().optional(),
  /** May become a monitor interface. */
  monitorCapable: z.boolean(),
  /** Why it may not: carries an address, a default route, somebody's session. */
  why: z.string().max(300).optional(),
});
export type HardwareNic = z.output<typeof HardwareNicSchema>;

/** Facts about a machine. Also `Hello.hardware_json` of the link. */
export const HardwareSchema = z.object({
  hostname: z.string().max(253).optional(),
  product: z.string().max(200).optional(),
  serial: z.string().max(200).optional(),
  cpus: z.int().min(0).max(65_536).optional(),
  memoryMib: z.int().min(0).optional(),
  kernel: z.string().max(200).optional(),
  nics: z.array(HardwareNicSchema).max(256).default([]),
});
export type Hardware = z.output<typeof HardwareSchema>;

const PemSchema = z.string().min(1).max(8192);

export const AdoptRequestSchema = z.object({
  code: AdoptionCodeSchema,
  /** PKCS #10, PEM; ECDSA on P-256. Only its key is taken. */
  csr: PemSchema,
  hardware: HardwareSchema,
  /** Of Bulkhead. */
  version: z.string().max(64),
  /** How it calls itself now; becomes its name in the fleet where the code names none and the name is free. */
  name: NameSchema.optional(),
  /** The document that is in force on it: the base of what the fleet will want of it. YAML. */
  config: z
    .string()
    .max(512 * 1024)
    .optional(),
});
export type AdoptRequest = z.output<typeof AdoptRequestSchema>;

export const AdoptReplySchema = z.object({
  sensor: SensorIdSchema,
  /** In the fleet. */
  name: z.string().max(64),
  /** PEM, the leaf first. */
  chain: z.array(PemSchema).min(1).max(4),
  /** PEM. */
  ca: PemSchema,
  /** Host and port of the link. */
  linkAddress: z.string().max(300),
});
export type AdoptReply = z.output<typeof AdoptReplySchema>;

export const CaReplySchema = z.object({
  /** PEM. */
  ca: PemSchema,
  fingerprint: z.string().max(64),
});
export type CaReply = z.output<typeof CaReplySchema>;

export const NonceReplySchema = z.object({
  nonce: z.string().max(200),
  expiresInS: z.int().min(1),
});
export type NonceReply = z.output<typeof NonceReplySchema>;

/** What the key of the expired certificate signs (ECDSA, SHA-256, DER): the CSR's PEM text, then the nonce, as they are sent. */
export function returnSigningInput(csr: string, nonce: string): Uint8Array {
  return new TextEncoder().encode(`${csr}${nonce}`);
}

export const ReturnRequestSchema = z.object({
  /** The expired certificate, PEM. */
  certificate: PemSchema,
  csr: PemSchema,
  nonce: z.string().max(200),
  /** Base64, over {@link returnSigningInput}. */
  signature: z.string().max(400),
  hardware: HardwareSchema.optional(),
  version: z.string().max(64).optional(),
});
export type ReturnRequest = z.output<typeof ReturnRequestSchema>;

export const ReturnReplySchema = z.object({
  /** `waiting`: a person has to confirm; ask again in a minute. `refused` is final for this certificate. */
  state: z.enum(['waiting', 'granted', 'refused']),
  sensor: SensorIdSchema.optional(),
  chain: z.array(PemSchema).max(4).optional(),
  ca: PemSchema.optional(),
  linkAddress: z.string().max(300).optional(),
  /** With `refused`. */
  code: z.string().max(64).optional(),
  message: z.string().max(1000).optional(),
});
export type ReturnReply = z.output<typeof ReturnReplySchema>;
