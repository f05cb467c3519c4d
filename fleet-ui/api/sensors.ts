import { z } from 'zod';
import { SensorIdSchema, TimestampSchema } from './shapes.ts';

/** Part of the address of its instruments' pages, so it is narrow. */
export const SensorNameSchema = z
  .string()
  .regex(
    /^[a-z](?:[a-z0-9-]{0,28}[a-z0-9])?$/,
    'must be 1-30 characters of a-z, 0-9 and -, starting with a letter',
  );
export const GroupIdSchema = z.string().regex(/^g_[a-z2-7]{16}$/, 'is not the id of a group');
export const TagSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_.-]{0,31}$/, 'must be 1-32 characters of a-z, 0-9, _, . and -');
export const ReasonSchema = z.string().trim().max(500);
const JsonObjectSchema = z.record(z.string().max(256), z.json());

/** Who put a value there: what the sensor came with, its group, or an override of its own. */
export const ConfigLayerSchema = z.enum(['base', 'group', 'sensor']);
export type ConfigLayer = z.infer<typeof ConfigLayerSchema>;

/** How far the sensor is with what the fleet wants of it. `invalid`: base, group and overrides do not make a configuration. */
export const SensorConfigStateSchema = z.object({
  state: z.enum(['none', 'waiting', 'sent', 'applied', 'failed', 'invalid']),
  /** Newest revision that the fleet wants. */
  revision: z.int().optional(),
  /** Newest that the sensor said to have in force. */
  applied: z.int().optional(),
  /**
   * A revision that the sensor has and this fleet does not know, or knows with another document: it was restored from a backup. A
   * person decides which configuration counts: `config/import` or `config/resend`.
   */
  ahead: z.int().optional(),
  /** Why it waits, failed or is invalid. */
  detail: z.string().max(4000).optional(),
  code: z.string().max(80).optional(),
  /** How many values are its own and not its group's or its base's. */
  overrides: z.int(),
});

/** Somebody who holds an expired certificate, or one that this fleet forgot, and asks to come back. */
export const ReturnViewSchema = z.object({
  id: z.int(),
  at: TimestampSchema,
  lastAskedAt: TimestampSchema,
  address: z.string().max(64),
  version: z.string().max(64).optional(),
  hostname: z.string().max(253).optional(),
  /** `expired`, or `forgotten` after the fleet was restored from a backup. */
  why: z.enum(['expired', 'forgotten', 'early']),
  state: z.enum(['waiting', 'granted', 'refused']),
});
export type ReturnView = z.infer<typeof ReturnViewSchema>;

export const SensorSchema = z
  .object({
    id: SensorIdSchema,
    name: SensorNameSchema,
    /** `mapping`: new hardware; nothing is sent to it before somebody mapped its interfaces. */
    state: z.enum(['active', 'mapping', 'revoked']),
    group: z.object({ id: GroupIdSchema, name: z.string() }).nullable(),
    tags: z.array(z.string()),
    notes: z.string(),
    version: z.string().optional(),
    adoptedAt: TimestampSchema,
    attached: z.boolean(),
    lastSeen: TimestampSchema.optional(),
    address: z.string().optional(),
    certificate: z.object({ serial: z.string(), notAfter: TimestampSchema, expired: z.boolean() }).nullable(),
    config: SensorConfigStateSchema,
    /** It is or was there twice. */
    clone: z.object({ at: TimestampSchema, text: z.string() }).optional(),
    returns: z.array(ReturnViewSchema),
  })
  .meta({ id: 'Sensor' });
export type Sensor = z.infer<typeof SensorSchema>;

export const NicViewSchema = z.object({
  device: z.string(),
  mac: z.string().optional(),
  driver: z.string().optional(),
  speedMbps: z.int().optional(),
  link: z.boolean().optional(),
  monitorCapable: z.boolean(),
  why: z.string().optional(),
});
export const HardwareViewSchema = z.object({
  hostname: z.string().optional(),
  product: z.string().optional(),
  serial: z.string().optional(),
  cpus: z.int().optional(),
  memoryMib: z.int().optional(),
  kernel: z.string().optional(),
  nics: z.array(NicViewSchema),
});
export type HardwareView = z.infer<typeof HardwareViewSchema>;

export const CertificateViewSchema = z.object({
  serial: z.string(),
  issuedAt: TimestampSchema,
  notAfter: TimestampSchema,
  why: z.enum(['adopted', 'replaced', 'renewed', 'returned']),
  firstSeen: TimestampSchema.optional(),
  revokedAt: TimestampSchema.optional(),
  revokedWhy: z.string().optional(),
});

/** `GET /api/v1/sensors/:id`. */
export const SensorDetailSchema = SensorSchema.extend({
  hardware: HardwareViewSchema,
  certificates: z.array(CertificateViewSchema),
}).meta({ id: 'SensorDetail' });
export type SensorDetail = z.infer<typeof SensorDetailSchema>;

/** `GET /api/v1/sensors`: those that the asker may see. */
export const SensorsQuerySchema = z.strictObject({
  group: GroupIdSchema.optional(),
  tag: TagSchema.optional(),
  state: z.enum(['active', 'mapping', 'revoked']).optional(),
  /** Part of a name, a tag or a note. */
  q: z.string().max(100).optional(),
});
export const SensorsReplySchema = z.object({ sensors: z.array(SensorSchema) });

export const SensorPatchSchema = z
  .strictObject({
    name: SensorNameSchema,
    group: GroupIdSchema.nullable(),
    tags: z.array(TagSchema).max(32),
    notes: z.string().max(4000),
    /** For the revisions, where the group changes. */
    reason: ReasonSchema,
  })
  .partial();
export type SensorPatch = z.infer<typeof SensorPatchSchema>;

export const RevokeRequestSchema = z.strictObject({ reason: ReasonSchema.min(1) });
export const ReturnDecisionSchema = z.strictObject({
  /** Needed where several machines ask as the same sensor. */
  request: z.int().optional(),
});

/** `GET /api/v1/sensors/:id/mapping`. */
export const MappingSchema = z
  .object({
    needed: z.boolean(),
    interfaces: z.array(
      z.object({
        kind: z.enum(['monitor', 'active']),
        name: z.string(),
        /** On the former hardware. */
        device: z.string(),
        /** A network interface of the new one that is called the same; only a person can know whether it is plugged in the same. */
        sameName: z.boolean(),
      }),
    ),
    nics: z.array(NicViewSchema),
    formerNics: z.array(NicViewSchema),
  })
  .meta({ id: 'Mapping' });
export type Mapping = z.infer<typeof MappingSchema>;

const DevicesSchema = z.record(z.string().max(30), z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.@-]{0,14}$/));
/** `POST /api/v1/sensors/:id/mapping`: name of the interface → network interface of the new hardware, all of them. */
export const MappingRequestSchema = z.strictObject({
  monitorInterfaces: DevicesSchema,
  activeInterfaces: DevicesSchema.default({}),
  reason: ReasonSchema.default(''),
});
export type MappingRequest = z.infer<typeof MappingRequestSchema>;

/** A value that a layer put above another. Things in lists are named: `/instruments/suricata/enabled`. */
export const ConfigOverrideSchema = z.object({
  pointer: z.string(),
  by: z.enum(['group', 'sensor']),
  /** Absent: it was taken away. */
  value: z.json().optional(),
  hides: z.object({ by: ConfigLayerSchema, value: z.json() }).optional(),
});
export type ConfigOverride = z.infer<typeof ConfigOverrideSchema>;

/** `GET /api/v1/sensors/:id/config`: what the fleet wants of the sensor, and where each value comes from. */
export const DesiredConfigSchema = z
  .object({
    state: SensorConfigStateSchema,
    /** YAML; absent while nothing is known. */
    document: z.string().optional(),
    base: JsonObjectSchema.optional(),
    group: z
      .object({ id: GroupIdSchema, name: z.string(), revision: z.int(), config: JsonObjectSchema })
      .optional(),
    overrides: JsonObjectSchema,
    origin: z.record(z.string(), ConfigLayerSchema),
    overridden: z.array(ConfigOverrideSchema),
  })
  .meta({ id: 'DesiredConfig' });
export type DesiredConfig = z.infer<typeof DesiredConfigSchema>;

/** `PUT /api/v1/sensors/:id/config` and `POST …/config/preview`. Exactly one of the first two. */
export const ConfigChangeSchema = z
  .strictObject({
    /** The whole document, YAML: what differs from the group becomes the sensor's own overrides. */
    document: z.string().max(262_144).optional(),
    /** The sensor's own overrides, all of them. */
    overrides: JsonObjectSchema.optional(),
    reason: ReasonSchema.default(''),
    /** Refuse unless this is the newest revision. */
    expectRevision: z.int().min(0).optional(),
  })
  .refine(({ document, overrides }) => (document === undefined) !== (overrides === undefined), {
    message: 'needs either document or overrides',
  });
export type ConfigChange = z.infer<typeof ConfigChangeSchema>;

export const ConfigDifferenceSchema = z.object({
  pointer: z.string(),
  before: z.json().optional(),
  after: z.json().optional(),
});
export type ConfigDifference = z.infer<typeof ConfigDifferenceSchema>;

/** What became of an act for one sensor. One never waits for another. */
export const SensorOutcomeSchema = z.object({
  sensor: SensorIdSchema,
  name: z.string(),
  /** `waiting`: it is caught up when it is back. `unchanged`: it had that already. */
  state: z.enum(['done', 'sent', 'waiting', 'unchanged', 'refused']),
  /** `offline`, `mapping`, `undecided` (see `ahead`), or why it was refused. */
  detail: z.string().optional(),
  code: z.string().optional(),
  revision: z.int().optional(),
});
export type SensorOutcome = z.infer<typeof SensorOutcomeSchema>;

export const ConfigPreviewSchema = z.object({
  valid: z.boolean(),
  problem: z.string().optional(),
  pointer: z.string().optional(),
  differences: z.array(ConfigDifferenceSchema),
});
export type ConfigPreview = z.infer<typeof ConfigPreviewSchema>;

export const ConfigRevisionSchema = z
  .object({
    number: z.int(),
    at: TimestampSchema,
    author: z.string(),
    reason: z.string(),
    cause: z.enum(['base', 'group', 'sensor', 'mapping', 'rollback', 'resend']),
    restores: z.int().optional(),
    state: z.enum(['waiting', 'sent', 'applied', 'failed', 'superseded']),
    resultAt: TimestampSchema.optional(),
    code: z.string().optional(),
    message: z.string().optional(),
    /** Number in the sensor's own history. */
    sensorRevision: z.int().optional(),
  })
  .meta({ id: 'ConfigRevision' });
export type ConfigRevision = z.infer<typeof ConfigRevisionSchema>;
export const ConfigRevisionsReplySchema = z.object({ revisions: z.array(ConfigRevisionSchema) });
export const ConfigRevisionReplySchema = z.object({
  revision: ConfigRevisionSchema,
  document: z.string(),
  /** Against the one before, or the one that was asked for. */
  differences: z.array(ConfigDifferenceSchema),
});
export const RollbackRequestSchema = z.strictObject({
  reason: ReasonSchema.default(''),
  expectRevision: z.int().min(0).optional(),
});
export const RevisionParamsSchema = z.object({ id: SensorIdSchema, number: z.coerce.number().int().min(1) });

/** `POST /api/v1/sensors/bulk`. */
export const BulkRequestSchema = z.strictObject({
  sensors: z.array(SensorIdSchema).min(1).max(5000),
  action: z.discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('group'),
      group: GroupIdSchema.nullable(),
      reason: ReasonSchema.default(''),
    }),
    z.strictObject({
      kind: z.literal('tags'),
      add: z.array(TagSchema).max(32).default([]),
      remove: z.array(TagSchema).max(32).default([]),
    }),
    z.strictObject({
      kind: z.literal('overrides'),
      overrides: JsonObjectSchema,
      reason: ReasonSchema.default(''),
    }),
    z.strictObject({ kind: z.literal('resend'), reason: ReasonSchema.default('') }),
    z.strictObject({ kind: z.literal('confirm-return') }),
    z.strictObject({ kind: z.literal('revoke'), reason: ReasonSchema.min(1) }),
  ]),
});
export type BulkRequest = z.infer<typeof BulkRequestSchema>;
export const OutcomesReplySchema = z.object({ outcomes: z.array(SensorOutcomeSchema) });
export type OutcomesReply = z.infer<typeof OutcomesReplySchema>;
