import { z } from 'zod';
import { EventSeveritySchema, FleetEventSchema, listOf } from './events.ts';
import { SensorIdSchema, TimestampSchema } from './shapes.ts';

/** Id of a signature, as an IDS numbers them. */
export const SignatureIdSchema = z.string().regex(/^\d{1,10}$/, 'is not the id of a signature');

/** Which end of an alert's packet an address must be. */
export const SUPPRESSION_SIDES = ['either', 'source', 'destination'] as const;

const RULE = {
  signature: SignatureIdSchema,
  /** Only with this address, or one of this network (`10.0.0.0/8`); absent: with any. */
  address: z.string().trim().min(1).max(64).optional(),
  side: z.enum(SUPPRESSION_SIDES).default('either'),
};

/** Which alerts a suppression covers; every part that is given must hold. */
export const SuppressionRuleSchema = z.strictObject({
  ...RULE,
  /** Only those of these sensors; absent: of all, also of sensors that come later. */
  sensors: z.array(SensorIdSchema).min(1).max(64).optional(),
});
export type SuppressionRule = z.output<typeof SuppressionRuleSchema>;

/** `POST /api/v1/events/suppressions` */
export const SuppressionRequestSchema = z.strictObject({
  ...SuppressionRuleSchema.shape,
  /** When it ends by itself: in the future, at most 366 days ahead. */
  expires: TimestampSchema,
  reason: z
    .string()
    .trim()
    .min(3)
    .max(300)
    .regex(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+$/u, 'must be one line of text'),
});
export type SuppressionRequest = z.input<typeof SuppressionRequestSchema>;

const WhoSchema = z.object({ id: z.string(), name: z.string() });

export const SuppressionSchema = z
  .object({
    id: z.string(),
    signature: z.string(),
    /** Text of the signature, when the fleet has seen it. */
    text: z.string().optional(),
    address: z.string().optional(),
    side: z.enum(SUPPRESSION_SIDES),
    /** Of these, as far as the asker may read them; absent: of all sensors. */
    sensors: z.array(z.string()).optional(),
    /** Sensors beside those, of which the asker may not read. */
    elsewhere: z.number(),
    by: WhoSchema,
    at: TimestampSchema,
    reason: z.string(),
    expires: TimestampSchema,
    /** It acts: it is neither over nor taken back. */
    active: z.boolean(),
    ended: z.object({ by: WhoSchema, at: TimestampSchema }).optional(),
    /** Alerts that came while it acted and that it covers; of sensors that the asker may read. */
    hits: z.number(),
    lastHit: TimestampSchema.optional(),
    /** The asker may take it back. */
    mayEnd: z.boolean(),
  })
  .meta({ id: 'Suppression' });
export type Suppression = z.infer<typeof SuppressionSchema>;

/** `GET /api/v1/events/suppressions`: the newest first; what ended stays for 30 days. */
export const SuppressionsReplySchema = z.object({ suppressions: z.array(SuppressionSchema) });
export type SuppressionsReply = z.infer<typeof SuppressionsReplySchema>;

export const SuppressionParamsSchema = z.strictObject({
  id: z.string().regex(/^x_[a-z2-7]{16}$/, 'is not the id of a suppression'),
});

/** `GET /api/v1/events/suppressions/preview` */
export const SuppressionPreviewQuerySchema = z.strictObject({
  ...RULE,
  sensors: listOf(SensorIdSchema, 64).optional(),
  /** How far back is looked. */
  days: z.coerce.number().int().min(1).max(30).default(7),
});

/** What a suppression would have hidden. */
export const SuppressionPreviewSchema = z
  .object({
    since: TimestampSchema,
    /** Alerts of the signature on the sensors meant, and those of them that would have been hidden. */
    alerts: z.number(),
    hidden: z.number(),
    /** False: there were more than one answer can look at; both numbers are of the newest ones. */
    complete: z.boolean(),
    sensors: z.array(z.object({ sensor: z.string(), hidden: z.number() })),
    /** The worst severity among what would be hidden. */
    worst: EventSeveritySchema.optional(),
    /** The newest ones that would be hidden. */
    examples: z.array(FleetEventSchema),
  })
  .meta({ id: 'SuppressionPreview' });
export type SuppressionPreview = z.infer<typeof SuppressionPreviewSchema>;
