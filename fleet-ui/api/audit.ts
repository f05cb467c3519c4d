import { z } from 'zod';
import { PersonIdSchema } from './people.ts';
import { TimestampSchema } from './shapes.ts';

/** One line of the audit log. Lines are only ever added; each holds the hash of the one before it. */
export const AuditEntrySchema = z
  .object({
    id: z.number().int(),
    at: TimestampSchema,
    /** Who; null for nobody (before signing in) and for the fleet itself. */
    person: PersonIdSchema.nullable(),
    /** Their name then. `fleet` for the fleet itself, `nobody` for who was not signed in. */
    name: z.string(),
    /** `session`, `token` with its id, `none`. */
    by: z.string(),
    /** What: `people.change`, `sensors.confirm-return`, or method and route where no name was given. */
    action: z.string(),
    /** On what: a sensor, a person, an instrument… */
    target: z.string(),
    address: z.string(),
    /** `done`, or `refused` with the code of the reason, or `failed`. */
    outcome: z.enum(['done', 'refused', 'failed']),
    code: z.string().nullable(),
    /** Further facts, never secrets. */
    facts: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
    /** SHA-256 over the hash of the entry before and this entry, base64url. */
    hash: z.string(),
  })
  .meta({ id: 'AuditEntry' });
export type AuditEntry = z.infer<typeof AuditEntrySchema>;

const filters = {
  person: PersonIdSchema.optional(),
  /** Begins with. */
  action: z.string().max(80).optional(),
  target: z.string().max(200).optional(),
  outcome: z.enum(['done', 'refused', 'failed']).optional(),
  from: TimestampSchema.optional(),
  to: TimestampSchema.optional(),
};

/** `GET /api/v1/audit`: the newest first. */
export const AuditQuerySchema = z.strictObject({
  ...filters,
  limit: z.coerce.number().int().min(1).max(500).default(100),
  /** Entries before this one: `next` of the page before. */
  before: z.coerce.number().int().min(1).optional(),
});
export type AuditQuery = z.infer<typeof AuditQuerySchema>;

export const AuditPageSchema = z.object({
  entries: z.array(AuditEntrySchema),
  /** For `before`; null at the end. */
  next: z.number().int().nullable(),
});

/** `GET /api/v1/audit/export`: NDJSON, the oldest first, with hashes, for keeping elsewhere. */
export const AuditExportQuerySchema = z.strictObject(filters);

/** `GET /api/v1/audit/check`: whether the log is whole, as far as its hashes can say. */
export const AuditCheckSchema = z.object({
  whole: z.boolean(),
  entries: z.number().int(),
  /** The first entry that does not fit. */
  fault: z.object({ id: z.number().int(), text: z.string() }).nullable(),
  /** Of the newest entry; compare it with an export kept elsewhere. */
  head: z.string(),
});
export type AuditCheck = z.infer<typeof AuditCheckSchema>;
