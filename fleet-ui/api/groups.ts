import { z } from 'zod';
import { LabelSchema, TimestampSchema } from './shapes.ts';
import { ConfigPreviewSchema, GroupIdSchema, ReasonSchema, SensorOutcomeSchema } from './sensors.ts';

/** What a group lays over the base of each of its sensors: part of a configuration; `null` takes away, lists of named things by name. */
export const GroupConfigSchema = z.record(z.string().max(256), z.json());

export const GroupSchema = z
  .object({
    id: GroupIdSchema,
    name: z.string(),
    description: z.string(),
    sensors: z.int(),
    /** Of its configuration; 0 = it has none. */
    revision: z.int(),
  })
  .meta({ id: 'Group' });
export type Group = z.infer<typeof GroupSchema>;
export const GroupsReplySchema = z.object({ groups: z.array(GroupSchema) });

export const GroupRevisionSchema = z.object({
  number: z.int(),
  at: TimestampSchema,
  author: z.string(),
  reason: z.string(),
  config: GroupConfigSchema,
});
export const GroupDetailSchema = GroupSchema.extend({
  config: GroupConfigSchema,
  /** The newest first, at most 50. */
  revisions: z.array(GroupRevisionSchema),
}).meta({ id: 'GroupDetail' });
export type GroupDetail = z.infer<typeof GroupDetailSchema>;

export const GroupRequestSchema = z.strictObject({
  name: LabelSchema,
  description: z.string().max(1000).default(''),
});
export const GroupPatchSchema = z
  .strictObject({ name: LabelSchema, description: z.string().max(1000) })
  .partial();
export const GroupParamsSchema = z.object({ group: GroupIdSchema });

/** `PUT /api/v1/groups/:group/config` and `POST …/config/preview`. */
export const GroupConfigRequestSchema = z.strictObject({
  config: GroupConfigSchema,
  reason: ReasonSchema.default(''),
  expectRevision: z.int().min(0).optional(),
});
export type GroupConfigRequest = z.infer<typeof GroupConfigRequestSchema>;
export const GroupConfigReplySchema = z.object({
  group: GroupSchema,
  outcomes: z.array(SensorOutcomeSchema),
});
export const GroupPreviewReplySchema = z.object({
  sensors: z.array(ConfigPreviewSchema.extend({ sensor: z.string(), name: z.string() })),
});
export type GroupPreviewReply = z.infer<typeof GroupPreviewReplySchema>;
