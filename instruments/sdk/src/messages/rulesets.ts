import { z } from 'zod';
import { defineCommand } from '../typed-command.ts';

/**
 * Rulesets, from whoever manages them to an IDS. Files are delivered first (service `deliver`), then named here. Every file
 * below the receiver's `resources/` whose name begins with this prefix belongs to a managed ruleset; the receiver takes none
 * of them for a file of the operator's.
 */
export const RULESET_FILE_PREFIX = 'ruleset-';

/** Largest rules file that an IDS takes. */
export const MAX_RULES_BYTES = 128 * 2 ** 20;
/** Largest file of thresholds and suppressions. */
export const MAX_THRESHOLDS_BYTES = 4 * 2 ** 20;
/** Largest capture that a ruleset is tried on. */
export const MAX_CAPTURE_BYTES = 256 * 2 ** 20;
/** Most faults that one job tells. */
export const MAX_FAULTS = 50;

/** A delivered file and what it must be. */
export const RulesetFileSchema = z.strictObject({
  file: z
    .string()
    .regex(
      /^ruleset-[a-z0-9._-]{1,55}$/,
      'must be `ruleset-` and up to 55 characters of a-z, 0-9, ., _ and -',
    ),
  sha256: z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 hexadecimal digits'),
});
export type RulesetFile = z.output<typeof RulesetFileSchema>;

/** One member of an address group: address, network, variable; `!` negates. No white space, no brackets, no quotes. */
export const AddressMemberSchema = z
  .string()
  .max(64)
  .regex(
    /^!?(?:\$[A-Z][A-Z0-9_]{0,31}|[0-9a-fA-F:.]{2,45}(?:\/\d{1,3})?)$/,
    'must be an address, a network or $NAME',
  );

/** One member of a port group: port, range, variable; `!` negates. */
export const PortMemberSchema = z
  .string()
  .max(32)
  .regex(/^!?(?:\$[A-Z][A-Z0-9_]{0,31}|\d{1,5}(?::\d{0,5})?)$/, 'must be a port, a range a:b or $NAME');

const VariableName = z
  .string()
  .regex(/^[A-Z][A-Z0-9_]{0,31}$/, 'must be A-Z, 0-9 and _, at most 32 characters');

const group = <T extends z.ZodType>(member: T) => z.record(VariableName, z.array(member).min(1).max(256));

/** Address variables of rules by name, e.g. `{"DNS_SERVERS": ["10.0.0.53"]}`. */
export const AddressGroupsSchema = group(AddressMemberSchema);
/** Port variables of rules by name, e.g. `{"HTTP_PORTS": ["80", "8080"]}`. */
export const PortGroupsSchema = group(PortMemberSchema);

/** Variables of a ruleset; what is absent stays as the IDS's own options say. */
export const RulesetVariablesSchema = z.strictObject({
  /** `$HOME_NET`. */
  homeNet: z.array(AddressMemberSchema).min(1).max(256).optional(),
  addressGroups: AddressGroupsSchema.optional(),
  portGroups: PortGroupsSchema.optional(),
});
export type RulesetVariables = z.output<typeof RulesetVariablesSchema>;

/** What people and logs call a ruleset. */
const VersionSchema = z
  .string()
  .regex(/^[\x21-\x7e]{1,64}$/, 'must be 1-64 printable characters without spaces');

/** A whole ruleset: it replaces the one that was applied before. */
export const RulesetSchema = z.strictObject({
  version: VersionSchema,
  /** Rules in Suricata's language. */
  rules: RulesetFileSchema,
  /** Thresholds and suppressions in Suricata's `threshold.config` language. */
  thresholds: RulesetFileSchema.optional(),
  variables: RulesetVariablesSchema.optional(),
});
export type RulesetOrder = z.output<typeof RulesetSchema>;

/** The same, and a capture (pcap, Ethernet) on which it is tried as well. */
export const RulesetTrialSchema = RulesetSchema.extend({ capture: RulesetFileSchema.optional() });
export type RulesetTrial = z.output<typeof RulesetTrialSchema>;

export const JobStartedSchema = z.strictObject({ job: z.string().max(64) });

export const JobStateSchema = z.enum(['waiting', 'testing', 'reloading', 'done', 'failed']);
export type JobState = z.output<typeof JobStateSchema>;

/** One place of a ruleset that is not taken. */
export const RulesetFaultSchema = z.strictObject({
  /** As it was named in the order. Empty: the fault concerns no one file. */
  file: z.string().max(128),
  /** From 1; 0: the fault concerns no one line. */
  line: z.int().min(0),
  code: z.string().max(64),
  message: z.string().max(500),
});
export type RulesetFault = z.output<typeof RulesetFaultSchema>;

/** How far a test or an application is. Times are ISO 8601. */
export const RulesetJobSchema = z.strictObject({
  job: z.string().max(64),
  kind: z.enum(['test', 'apply']),
  state: JobStateSchema,
  version: VersionSchema,
  startedAt: z.string(),
  endedAt: z.string().optional(),
  /** Rules of the whole ruleset that would run, those of the sensor included; there once they were read. */
  ruleCount: z.int().min(0).optional(),
  faults: z.array(RulesetFaultSchema).max(MAX_FAULTS).optional(),
  /** What the rules said about the capture, most frequent first. At most 1,000 signatures. */
  alerts: z
    .array(z.strictObject({ sid: z.int().min(0), count: z.int().min(1) }))
    .max(1_000)
    .optional(),
  /** Seconds that the test took; 0: exactly this was tested before. */
  testSeconds: z.number().min(0).optional(),
  reloadSeconds: z.number().min(0).optional(),
  /** Why it failed. */
  code: z.string().max(64).optional(),
  message: z.string().max(1_000).optional(),
});
export type RulesetJob = z.output<typeof RulesetJobSchema>;

/** What the IDS runs. */
export const RulesetStatusSchema = z.strictObject({
  source: z.enum(['wanted', 'last-good', 'own', 'none']),
  /** Version of the managed ruleset that runs; null: none does. */
  version: z.string().nullable(),
  /** When it was applied, ISO 8601. */
  appliedAt: z.string().nullable(),
  /** Whether a managed ruleset runs (instead of the IDS's starter rules). */
  managed: z.boolean(),
  digest: z.string(),
  files: z.array(z.string()),
  rules: z.int().min(0),
  loaded: z.int().min(0),
  failed: z.int().min(0),
  lastReload: z.string().nullable(),
  /** Why the wanted rules do not run. */
  refusal: z.strictObject({ code: z.string(), message: z.string() }).nullable(),
});
export type RulesetStatus = z.output<typeof RulesetStatusSchema>;

/**
 * Tests a ruleset, and tries it on a capture, without making it live. Replies at once; {@link rulesetJob} tells how far it is.
 * What was tested is not tested again when the same is applied.
 */
export const rulesetTest = defineCommand({
  name: 'ruleset.test',
  request: RulesetTrialSchema,
  reply: JobStartedSchema,
});

/** Tests a ruleset and makes it live. Replies at once. When it fails in any way, what ran before goes on. */
export const rulesetApply = defineCommand({
  name: 'ruleset.apply',
  request: RulesetSchema,
  reply: JobStartedSchema,
});

/** How far a job is. The last ones are remembered for as long as the IDS runs. */
export const rulesetJob = defineCommand({
  name: 'ruleset.job',
  request: JobStartedSchema,
  reply: RulesetJobSchema,
});

/** What the IDS runs. */
export const rulesetStatus = defineCommand({
  name: 'ruleset.status',
  request: z.strictObject({}),
  reply: RulesetStatusSchema,
});
