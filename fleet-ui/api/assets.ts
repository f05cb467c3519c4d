import { z } from 'zod';
import { SensorIdSchema, TimestampSchema } from './shapes.ts';

/**
 * Where a name comes from. `dhcp`: the host named itself when it got the address; `dns`: an answer of DNS; `smb`: the host named itself
 * when it signed in; `tls`, `http`: a client asked the address for that name.
 */
export const ASSET_NAME_SOURCES = ['dhcp', 'dns', 'smb', 'tls', 'http'] as const;

export const AssetNameSchema = z.object({
  name: z.string(),
  from: z.enum(ASSET_NAME_SOURCES),
  last: TimestampSchema,
});
export type AssetNameView = z.infer<typeof AssetNameSchema>;

/** Something that the address answered at. */
export const AssetServiceSchema = z.object({
  port: z.number().int(),
  /** `tcp`, `udp`, `sctp`. */
  protocol: z.string(),
  /** As the IDS recognised it; empty: it did not. */
  application: z.string(),
  last: TimestampSchema,
});
export type AssetServiceView = z.infer<typeof AssetServiceSchema>;

/** What a person says of an address on a sensor. */
export const AssetLabelSchema = z.object({
  name: z.string(),
  note: z.string(),
  /** It must not be lost or stop. */
  critical: z.boolean(),
  /** Name of who said it last. */
  by: z.string(),
  at: TimestampSchema,
});
export type AssetLabel = z.infer<typeof AssetLabelSchema>;

/** One address, as the events of one sensor show it. The same private address at two sensors is two of them. */
export const AssetSchema = z.object({
  sensor: SensorIdSchema,
  address: z.string(),
  isPrivate: z.boolean(),
  first: TimestampSchema.optional(),
  last: TimestampSchema.optional(),
  /** Events that speak of it, and alerts among them, since it is known. */
  events: z.number(),
  alerts: z.number(),
  highAlerts: z.number(),
  lastAlert: TimestampSchema.optional(),
  mac: z.string().optional(),
  names: z.array(AssetNameSchema),
  services: z.array(AssetServiceSchema),
  label: AssetLabelSchema.optional(),
});
export type Asset = z.infer<typeof AssetSchema>;

export const ASSET_KINDS = ['private', 'public', 'labelled', 'critical'] as const;
export const ASSET_SORTS = ['last', 'alerts', 'first'] as const;

const PAGE_MOST = 200;
const OFFSET_MOST = 10_000;
/** As many can be paged to. */
export const ASSETS_COUNTED_MOST = OFFSET_MOST + PAGE_MOST;

export const AssetQuerySchema = z.strictObject({
  /** An address, a network, or part of a name, a MAC address or a note. */
  text: z.string().trim().max(200).optional(),
  sensor: SensorIdSchema.optional(),
  kind: z.enum(ASSET_KINDS).optional(),
  /** `yes`: only those with an alert. */
  alerts: z.literal('yes').optional(),
  sort: z.enum(ASSET_SORTS).default('last'),
  limit: z.coerce.number().int().min(1).max(PAGE_MOST).default(50),
  offset: z.coerce.number().int().min(0).max(OFFSET_MOST).default(0),
});
export type AssetQuery = Partial<z.output<typeof AssetQuerySchema>>;

export const AssetPageSchema = z.object({
  assets: z.array(AssetSchema),
  /** That fit the question. Where only some kinds are asked for, it is not counted beyond `ASSETS_COUNTED_MOST`. */
  total: z.number(),
  /** That are known at all, of the sensors whose events may be read. */
  known: z.number(),
  /** More than this the fleet does not keep; the oldest that nobody labelled go first. */
  most: z.number(),
  /** That went because there were more. */
  evicted: z.number(),
  /** Older events are still being read: before this time something may be missing. */
  readingFrom: TimestampSchema.optional(),
  /** False when the time for one answer was over first: what is here is right, and there may be more. */
  complete: z.boolean(),
});
export type AssetPage = z.infer<typeof AssetPageSchema>;

export const AssetParamsSchema = z.strictObject({
  sensor: SensorIdSchema,
  /** IPv4 or IPv6, without a zone. */
  address: z.union([z.ipv4(), z.ipv6()]),
});

const LINES = /^[^\p{Cc}\p{Cf}]*$/u;

/** Replaces what was said before; all of it empty takes the label off. */
export const AssetLabelChangeSchema = z.strictObject({
  name: z.string().trim().max(80).regex(LINES, 'must be one line of text').default(''),
  note: z
    .string()
    .trim()
    .max(2_000)
    .regex(/^(?:[^\p{Cc}\p{Cf}]|[\n\t])*$/u, 'must be plain text')
    .default(''),
  critical: z.boolean().default(false),
});
export type AssetLabelChange = z.input<typeof AssetLabelChangeSchema>;
