import { z } from 'zod';
import { NameSchema, SensorIdSchema } from './shapes.ts';

/** The largest file of rules that is taken, in characters: what a rule manager takes at once. */
export const RULES_TEXT_MOST = 7_000_000;

/** A rule manager that rules can be brought to. */
export const ImportTargetSchema = z.object({
  sensor: SensorIdSchema,
  sensorName: z.string(),
  instrument: z.string(),
  /** `ready`, or why not: `offline`, `not-running`, `not-granted` (it may not show its page), `opening`. */
  state: z.enum(['ready', 'offline', 'not-running', 'not-granted', 'opening']),
});
export type ImportTarget = z.infer<typeof ImportTargetSchema>;
export const ImportTargetsSchema = z.object({ targets: z.array(ImportTargetSchema) });

export const ImportParamsSchema = z.strictObject({ sensor: SensorIdSchema, instrument: NameSchema });

const NameOfSourceSchema = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9-]{0,22}[a-z0-9])?$/, 'must be 1-24 characters of a-z, 0-9 and -');
const ReasonSchema = z.string().trim().min(1).max(500);

export const RulesCheckRequestSchema = z.strictObject({
  /** As the source of these rules is to be called. */
  name: NameOfSourceSchema,
  /** As the file was called where it came from: for the audit log only. */
  fileName: z.string().max(255).default(''),
  text: z.string().min(1).max(RULES_TEXT_MOST),
  /** Take the rest of a file in which some rules are faulty. */
  skipFaulty: z.boolean().default(false),
  reason: ReasonSchema,
});
export type RulesCheckRequest = z.input<typeof RulesCheckRequestSchema>;

export const RulesStepSchema = z.strictObject({ name: NameOfSourceSchema, reason: ReasonSchema });

export const RuleFaultSchema = z.object({
  file: z.string(),
  line: z.number(),
  code: z.string(),
  message: z.string(),
});
export type RuleFault = z.infer<typeof RuleFaultSchema>;

/** The rule manager's word. What it refused changed nothing. */
export const RulesRefusedSchema = z.object({
  outcome: z.literal('refused'),
  code: z.string(),
  message: z.string(),
  faults: z.array(RuleFaultSchema),
});

export const RulesCheckReplySchema = z.union([
  z.object({
    outcome: z.literal('taken'),
    /** Rules in the file, and those that are on in it. */
    rules: z.number(),
    enabled: z.number(),
    /** Left out because they are faulty. */
    skipped: z.number(),
    faults: z.array(RuleFaultSchema),
  }),
  RulesRefusedSchema,
]);
export type RulesCheckReply = z.infer<typeof RulesCheckReplySchema>;

/** What would be live, against what is. */
export const RulesPlanReplySchema = z.union([
  z.object({
    outcome: z.literal('planned'),
    version: z.string(),
    rules: z.number(),
    added: z.number(),
    removed: z.number(),
    changed: z.number(),
    notes: z.array(z.string()),
    /** When the rule manager deploys it by itself; absent: only when a person says so. */
    deploysAt: z.string().optional(),
  }),
  RulesRefusedSchema,
]);
export type RulesPlanReply = z.infer<typeof RulesPlanReplySchema>;

/** How far a deployment is. */
export const RulesJobSchema = z.object({
  id: z.string(),
  /** `compiling`, `deploying`, `done`, `failed`, `aborted`. */
  state: z.string(),
  message: z.string().optional(),
  targets: z.array(
    z.object({
      name: z.string(),
      /** `waiting`, `delivering`, `testing`, `applying`, `confirming`, `live`, `refused`, `failed`. */
      stage: z.string(),
      message: z.string().optional(),
      faults: z.array(RuleFaultSchema),
    }),
  ),
});
export type RulesJob = z.infer<typeof RulesJobSchema>;
export const RulesDeployReplySchema = z.union([
  z.object({ outcome: z.literal('begun'), job: RulesJobSchema }),
  RulesRefusedSchema,
]);
export type RulesDeployReply = z.infer<typeof RulesDeployReplySchema>;
export const RulesJobsSchema = z.object({ job: RulesJobSchema.optional() });
