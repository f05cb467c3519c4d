import { z } from 'zod';
import { EventSeveritySchema } from './events.ts';
import { LabelSchema, TimestampSchema } from './shapes.ts';

/** What a notification is about. `other` is everything that needs attention and is none of the rest. */
export const NOTIFICATION_TOPICS = ['blindness', 'loss', 'disk', 'certificates', 'offline', 'other'] as const;
export const NotificationTopicSchema = z.enum(NOTIFICATION_TOPICS);
export type NotificationTopic = z.infer<typeof NotificationTopicSchema>;

export const CHANNEL_KINDS = ['mail', 'webhook', 'syslog'] as const;
export type ChannelKind = (typeof CHANNEL_KINDS)[number];

export const ChannelIdSchema = z.string().regex(/^n_[a-z2-7]{16}$/, 'is not the id of a channel');

/** A host name or an address, without brackets. */
const HostSchema = z
  .string()
  .trim()
  .min(1)
  .max(253)
  .regex(/^[A-Za-z0-9]([A-Za-z0-9.:_-]*[A-Za-z0-9])?$/, 'is not a host name or address');
const PortSchema = z.number().int().min(1).max(65_535);
/** One address, without a display name: nothing that could end a header. */
const MailAddressSchema = z
  .string()
  .trim()
  .max(254)
  .regex(
    /^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/,
    'is not a mail address',
  );
/** Certificates (PEM) that the other side's must come from; without, those that the machine trusts. */
const TrustSchema = z
  .string()
  .max(20_000)
  .regex(/^\s*(-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----\s*)+$/, 'is not PEM');
/** One line of printable text. */
const SecretSchema = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[^\p{Cc}]+$/u, 'must be one line of text');

/** Alerts that are at least so bad, and which other matters are told. */
export const ChannelTellsSchema = z.strictObject({
  /** null: no alerts. */
  alerts: EventSeveritySchema.exclude(['info']).nullable(),
  topics: z.array(NotificationTopicSchema).max(NOTIFICATION_TOPICS.length),
});
export type ChannelTells = z.infer<typeof ChannelTellsSchema>;

const mail = {
  kind: z.literal('mail'),
  host: HostSchema,
  port: PortSchema,
  /** `implicit`: TLS from the first byte (465). `starttls`: refused when the server does not offer it (587). `none`: in the clear. */
  tls: z.enum(['implicit', 'starttls', 'none']),
  from: MailAddressSchema,
  recipients: z.array(MailAddressSchema).min(1).max(20),
  user: SecretSchema.optional(),
  ca: TrustSchema.optional(),
};
const webhook = { kind: z.literal('webhook'), ca: TrustSchema.optional() };
const syslog = {
  kind: z.literal('syslog'),
  host: HostSchema,
  port: PortSchema,
  /** RFC 5424 over: UDP (RFC 5426), TCP with octet counting (RFC 6587), TLS (RFC 5425). */
  transport: z.enum(['udp', 'tcp', 'tls']),
  ca: TrustSchema.optional(),
};

/**
 * Where a channel leads. What is secret goes in and never comes out: `password`, `secret`, and `url`, as many services put a
 * key into the address. Absent in a change: stays as it is; null: there is none any more.
 */
export const ChannelTargetChangeSchema = z.discriminatedUnion('kind', [
  z.strictObject({ ...mail, password: SecretSchema.nullable().optional() }),
  z.strictObject({
    ...webhook,
    url: z.string().trim().max(1_000).optional(),
    /** With it every message is signed (HMAC-SHA256). */
    secret: SecretSchema.min(16, 'must have at least 16 characters').nullable().optional(),
  }),
  z.strictObject(syslog),
]);
export type ChannelTargetChange = z.infer<typeof ChannelTargetChangeSchema>;

const settings = {
  label: LabelSchema,
  enabled: z.boolean(),
  tells: ChannelTellsSchema,
  /** After a message, what comes within so long goes into the next one. */
  groupS: z.number().int().min(10).max(86_400).default(60),
  /** More messages than this are not sent in an hour; what comes waits and goes together. */
  perHour: z.number().int().min(1).max(360).default(20),
};

/** `POST /api/v1/notifications/channels`, and `PUT …/:channel` with all of it. */
export const ChannelChangeSchema = z.strictObject({ ...settings, target: ChannelTargetChangeSchema });
export type ChannelChange = z.infer<typeof ChannelChangeSchema>;

/** Without secrets. */
export const ChannelTargetSchema = z.discriminatedUnion('kind', [
  z.object({ ...mail, hasPassword: z.boolean() }),
  z.object({
    ...webhook,
    /** Scheme, host and port of the address; its path stays secret. */
    origin: z.string(),
    hasSecret: z.boolean(),
  }),
  z.object(syslog),
]);
export type ChannelTarget = z.infer<typeof ChannelTargetSchema>;

export const ChannelViewSchema = z
  .object({
    id: ChannelIdSchema,
    ...settings,
    groupS: z.number(),
    perHour: z.number(),
    target: ChannelTargetSchema,
    /** Its password, secret or address cannot be read any more and must be typed in again. */
    secretsLost: z.boolean(),
    health: z.object({
      sent: z.number(),
      lastSuccessAt: TimestampSchema.optional(),
      /** What the other side said then. */
      lastAnswer: z.string().optional(),
      lastErrorAt: TimestampSchema.optional(),
      lastError: z.string().optional(),
      /** Tries in a row that did not succeed. */
      failures: z.number(),
      nextTryAt: TimestampSchema.optional(),
      /** Matters and alerts that wait to be told. */
      waiting: z.number(),
      /** What there was no room for while it could not be told, since the last message. */
      leftOut: z.number(),
    }),
  })
  .meta({ id: 'NotificationChannel' });
export type ChannelView = z.infer<typeof ChannelViewSchema>;

export const ChannelsReplySchema = z.object({ channels: z.array(ChannelViewSchema) });
export const ChannelParamsSchema = z.strictObject({ channel: ChannelIdSchema });

/** `POST /api/v1/notifications/channels/:channel/test`: what came of it. */
export const ChannelTestReplySchema = z
  .object({
    ok: z.boolean(),
    /** What the other side answered, or why it could not be reached. */
    answer: z.string(),
    tookMs: z.number(),
  })
  .meta({ id: 'NotificationTest' });
export type ChannelTestReply = z.infer<typeof ChannelTestReplySchema>;
