import { isIP } from 'node:net';
import { z } from 'zod';
import { defineCommand } from '../typed-command.ts';

/** `<instrument>/<download>`, as the operator approved it. */
const IdSchema = z
  .string()
  .regex(
    /^[a-z](?:[a-z0-9-]{0,28}[a-z0-9])?\/[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/,
    'must be the name of an instrument, / and the name of a download',
  );

const InstrumentSchema = z
  .string()
  .regex(/^[a-z](?:[a-z0-9-]{0,28}[a-z0-9])?$/, 'must be the name of an instrument');

/** Lower-case DNS name with a dot, or an address of either family. */
const HostSchema = z
  .string()
  .max(253)
  .refine(
    (host) =>
      isIP(host) !== 0 || /^(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z0-9-]{2,63}$/.test(host),
    'must be a lower-case DNS name with a dot, or an IP address',
  );

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

const Sha256Schema = z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 hexadecimal digits');

/** One approved download, with the bounds that hold for it. */
export const DownloadJobSchema = z.strictObject({
  id: IdSchema,
  /** The instrument that gets the file. */
  for: InstrumentSchema,
  url: UrlSchema,
  /** Further hosts that a redirect may lead to; the URL's own is always one. */
  redirectHosts: z.array(HostSchema).max(16),
  /** Seconds from one look to the next; 0 = once. */
  everyS: z.int().min(0).max(31_536_000),
  /** Largest file, on the wire and as it is kept. */
  maxBytes: z
    .int()
    .min(1)
    .max(4096 * 1024 * 1024),
  sha256: Sha256Schema.optional(),
  /** Address of a file with the SHA-256, as `sha256sum` writes it, or the digest alone. */
  sha256Url: UrlSchema.optional(),
  /** Ed25519 public key (PEM, SPKI) that the detached signature at `<url>.sig` must be valid for. */
  signatureKey: z.string().max(512).optional(),
  /** The only certificate authorities that are believed: PEM. */
  ca: z.string().max(65_536).optional(),
  /** The hosts may have private, loopback or link-local addresses. */
  privateAddresses: z.boolean(),
});
export type DownloadJob = z.output<typeof DownloadJobSchema>;

/** `download.jobs`: everything that is to be fetched from now on. What is missing is fetched no more. */
export const DownloadJobsRequestSchema = z
  .strictObject({
    jobs: z.array(DownloadJobSchema).max(256),
    proxy: z
      .strictObject({
        host: HostSchema,
        port: z.int().min(1).max(65_535),
        /** Whether the proxy may have a private or loopback address. Absent = the platform's resolver alone judges. */
        privateAddress: z.boolean().optional(),
      })
      .optional(),
  })
  .refine(({ jobs }) => new Set(jobs.map(({ id }) => id)).size === jobs.length, {
    path: ['jobs'],
    message: 'name a download twice',
  });
export type DownloadJobsRequest = z.output<typeof DownloadJobsRequestSchema>;

export const DownloadJobsReplySchema = z.strictObject({ accepted: z.int().min(0) });
export type DownloadJobsReply = z.output<typeof DownloadJobsReplySchema>;

/** How one download is. Times are ISO 8601. */
export const DownloadStateSchema = z.strictObject({
  id: IdSchema,
  /** `waiting`: not tried yet, or for its turn. `fresh`: the receiver has what the source had at `lastSuccess`. */
  state: z.enum(['waiting', 'fetching', 'delivering', 'fresh', 'failed']),
  /** Bytes received of the file at work, or size of the last one. */
  bytes: z.int().min(0).optional(),
  totalBytes: z.int().min(0).optional(),
  lastTry: z.iso.datetime().optional(),
  lastSuccess: z.iso.datetime().optional(),
  nextTry: z.iso.datetime().optional(),
  sha256: Sha256Schema.optional(),
  etag: z.string().max(512).optional(),
  /** Why the last try failed. */
  code: z.string().max(64).optional(),
  message: z.string().max(300).optional(),
  /** Tries in a row that failed. */
  failures: z.int().min(0),
});
export type DownloadState = z.output<typeof DownloadStateSchema>;

/** `download.status` */
export const DownloadStatusRequestSchema = z.strictObject({});
export const DownloadStatusReplySchema = z.strictObject({ jobs: z.array(DownloadStateSchema).max(256) });
export type DownloadStatusReply = z.output<typeof DownloadStatusReplySchema>;

/** `download.now`: fetch at once. `again` asks for the whole file and delivers it also when nothing changed. */
export const DownloadNowRequestSchema = z.strictObject({ id: IdSchema, again: z.boolean().optional() });
export type DownloadNowRequest = z.output<typeof DownloadNowRequestSchema>;
/** `started` is false when that download is being fetched already. */
export const DownloadNowReplySchema = z.strictObject({ started: z.boolean() });
export type DownloadNowReply = z.output<typeof DownloadNowReplySchema>;

/** The complete list of downloads, from the platform to the downloader. */
export const downloadJobs = defineCommand({
  name: 'download.jobs',
  request: DownloadJobsRequestSchema,
  reply: DownloadJobsReplySchema,
});

/** How each download is. */
export const downloadStatus = defineCommand({
  name: 'download.status',
  request: DownloadStatusRequestSchema,
  reply: DownloadStatusReplySchema,
});

/** Fetches one download at once. */
export const downloadNow = defineCommand({
  name: 'download.now',
  request: DownloadNowRequestSchema,
  reply: DownloadNowReplySchema,
});
