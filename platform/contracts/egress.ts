import { isIP } from 'node:net';
import { z } from 'zod';

/** Lower-case DNS name with at least two labels, or an address of either family. */
export const HostSchema = z
  .string()
  .max(253)
  .refine(
    (host) =>
      isIP(host) !== 0 ||
      /^(?=.{3,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z0-9-]{2,63}$/.test(host),
    'must be a lower-case DNS name with a dot, or an IP address',
  );

/** A host, a network (`192.0.2.0/24`, `2001:db8::/32`), or `any`. */
export const DestinationSchema = z.union([
  z.literal('any'),
  HostSchema,
  z.union([z.cidrv4(), z.cidrv6()], 'must be `any`, a host or a network'),
]);

/** Where an instrument wants to send to. */
export const EgressAskSchema = z.strictObject({
  to: DestinationSchema,
  protocol: z.enum(['tcp', 'udp']).default('tcp'),
  ports: z.array(z.int().min(1).max(65_535)).min(1).max(16),
});
export type EgressAsk = z.output<typeof EgressAskSchema>;

/**
 * A destination that the operator allowed. Names are resolved by the platform. Private, loopback, link-local and metadata
 * addresses are reached only with `privateAddresses`, or when the grant itself names the address or the network.
 */
export const EgressGrantSchema = EgressAskSchema.extend({
  privateAddresses: z.boolean().default(false),
});
export type EgressGrant = z.output<typeof EgressGrantSchema>;

/** Name of a file below an instrument's `resources/`. */
export const ResourceNameSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,62}$/, 'must be 1-63 characters of a-z, 0-9, ., _ and -');

const UrlSchema = z
  .string()
  .max(2048)
  .refine((text) => {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    return (
      url !== undefined &&
      (url.protocol === 'https:' || url.protocol === 'http:') &&
      url.username === '' &&
      url.password === '' &&
      url.hash === ''
    );
  }, 'must be an http or https address without user, password or fragment');

const DownloadShape = {
  /** How people and the platform call it; unique for the instrument. */
  name: z
    .string()
    .regex(/^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/, 'must be 1-32 characters of a-z, 0-9 and -'),
  url: UrlSchema,
  /** Name of the file below `resources/`. */
  as: ResourceNameSchema,
  /** Seconds from one look to the next; 0 = once. */
  everyS: z.int().min(0).max(31_536_000).default(86_400),
  maxMib: z.int().min(1).max(4096).default(64),
};

/** A file from elsewhere that an instrument wants. */
export const DownloadAskSchema = z.strictObject(DownloadShape);
export type DownloadAsk = z.output<typeof DownloadAskSchema>;

/** A download that the operator approved, with the bounds that hold for it. */
export const DownloadGrantSchema = z.strictObject({
  ...DownloadShape,
  /** Further hosts that a redirect may lead to; the URL's own is always one. */
  redirectHosts: z.array(HostSchema).max(16).default([]),
  /** The host may have a private, loopback or link-local address. */
  privateAddresses: z.boolean().default(false),
  /** What the file must be; a different one is refused. */
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'must be 64 hexadecimal digits')
    .optional(),
  /** Address of a file with the SHA-256 of this one, as `sha256sum` writes it, or the digest alone. */
  sha256Url: UrlSchema.optional(),
  /** Ed25519 public key (PEM, SPKI) that a detached signature at `<url>.sig` must be valid for. */
  signatureKey: z.string().max(512).optional(),
  /** The only certificate authorities that are believed for this download: PEM. */
  ca: z.string().max(65_536).optional(),
});
export type DownloadGrant = z.output<typeof DownloadGrantSchema>;
