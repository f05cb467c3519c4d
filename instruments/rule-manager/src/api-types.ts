import { z } from 'zod';
import {
  OriginSchema,
  ParametersSchema,
  RuleBodySchema,
  ScopeSchema,
  SidSchema,
  SourceBodySchema,
  SourceNameSchema,
  SuppressionBodySchema,
  VariablesBodySchema,
} from './documents/schemas.ts';
import type { OperationResults } from './api/results.ts';

/**
 * The operations of the rule manager. Each is one command on the bus (`message.rule-manager.<from>.<operation>`) and one HTTP request,
 * with the same request and the same result:
 *
 *   POST /api/<operation>   content-type: application/json   body: the request (at most 8 MiB)
 *   200 {"ok":true,"result":…}
 *   4xx {"ok":false,"code":"RULES_…","message":"…","at"?:"/json/pointer","faults"?:Fault[]}
 *       400 the request is not valid or not possible · 403 not this user · 404 no such thing · 409 not now · 413 too large
 *
 *   GET /api/<operation>?request=<JSON>   the same for operations that only read, so that whoever keeps a record of changes
 *                                         sees none where there is none
 *   GET /api/me             {"user":string|null,"roles":string[],"canChange":boolean}
 *   GET /…                  the web page (files/ui)
 *
 * Operations with `changes: true` need the header `X-Bulkhead-User` (set by who proxies) and `operator` or `admin` among the
 * comma-separated `X-Bulkhead-Roles`. The page polls `overview` (its `generation` changes whenever anything did) and, while a
 * job runs, `jobs.list` with `limit: 1`.
 */

const Reason = z.string().trim().min(1).max(500);
const Expires = z.iso.datetime({ offset: true }).optional();
const Id = z.string().regex(/^[0-9a-f]{16}$/, 'must be the id of a document');
const VersionId = z.string().regex(/^[0-9a-f]{16}$/, 'must be the id of a version: 16 hexadecimal digits');
const page = {
  limit: z.int().min(1).max(500).default(50),
  offset: z.int().min(0).max(1_000_000).default(0),
};
const because = { reason: Reason };
const wish = { scope: ScopeSchema.default({ all: true }), reason: Reason, expires: Expires };
/** Most characters of pasted rules, so that the request stays below 8 MiB; by message, 256 KiB in all. */
const PastedText = z.string().max(7_500_000);

/** Requests by operation. `changes` = needs a user with a role. */
export const OPERATIONS = {
  overview: read(z.strictObject({})),
  'sources.list': read(z.strictObject({})),
  'sources.catalogue': read(
    z.strictObject({ text: z.string().max(100).default(''), index: SourceNameSchema.optional() }),
  ),
  'source.add': change(
    z.strictObject({
      ...SourceBodySchema.shape,
      ...wish,
      /** Only for the origin `pasted`. */
      text: PastedText.optional(),
    }),
  ),
  /** Changes a source; what is absent stays. `text` is a new version of a pasted one. */
  'source.set': change(
    z.strictObject({
      name: SourceNameSchema,
      ...because,
      enabled: z.boolean().optional(),
      skipFaulty: z.boolean().optional(),
      everyS: SourceBodySchema.shape.everyS.unwrap().optional(),
      maxMib: SourceBodySchema.shape.maxMib.unwrap().optional(),
      origin: OriginSchema.optional(),
      /** New values for the parameters of a catalogue's entry. */
      parameters: ParametersSchema.optional(),
      scope: ScopeSchema.optional(),
      expires: Expires,
      text: PastedText.optional(),
    }),
  ),
  /** Reads the source's file again, and asks for its download again. */
  'source.refresh': change(z.strictObject({ name: SourceNameSchema })),
  'source.remove': change(z.strictObject({ name: SourceNameSchema, ...because })),
  'rules.search': read(
    z.strictObject({
      /** Words of message, content, reference or classtype; or a sid. Words are prefixes; all must occur. */
      text: z.string().max(200).default(''),
      source: SourceNameSchema.optional(),
      /** As it is on this sensor, with all changes. */
      enabled: z.boolean().optional(),
      classtype: z.string().max(64).optional(),
      /** 1 (high) to 4. */
      priority: z.int().min(1).max(255).optional(),
      /** Only rules that a document changes. */
      changed: z.boolean().optional(),
      ...page,
    }),
  ),
  'rule.get': read(z.strictObject({ sid: SidSchema })),
  'rule.set': change(z.strictObject({ ...RuleBodySchema.shape, ...wish })),
  'rule.unset': change(z.strictObject({ id: Id, ...because })),
  'documents.list': read(
    z.strictObject({ kind: z.enum(['source', 'rule', 'variables', 'suppression']).optional(), ...page }),
  ),
  /** Replaces the variables of that scope. */
  'variables.set': change(z.strictObject({ ...VariablesBodySchema.shape, ...wish })),
  'variables.unset': change(z.strictObject({ id: Id, ...because })),
  'suppression.add': change(z.strictObject({ ...SuppressionBodySchema.shape, ...wish })),
  'suppression.remove': change(z.strictObject({ id: Id, ...because })),
  /** Which of the recorded alerts it would have hidden. */
  'suppression.preview': read(
    z.strictObject({
      ...SuppressionBodySchema.shape,
      scope: ScopeSchema.default({ all: true }),
      days: z.int().min(1).max(31).default(7),
    }),
  ),
  /** Who changed what, newest first. */
  'changes.list': read(
    z.strictObject({
      kind: z.enum(['source', 'rule', 'variables', 'suppression', 'ruleset']).optional(),
      /** Name of a source, sid of a rule or suppression, id of a version. */
      subject: z.string().max(64).optional(),
      ...page,
    }),
  ),
  /** Puts a ruleset together without deploying it. */
  'ruleset.build': change(z.strictObject({ force: z.boolean().default(false) })),
  /** Builds if needed, tests and deploys. `version`: one that is kept; then it stays, as by `ruleset.rollback`. */
  'ruleset.deploy': change(
    z.strictObject({
      version: VersionId.optional(),
      /** Deploy though it has far fewer rules than the one before. */
      force: z.boolean().default(false),
      reason: Reason.optional(),
    }),
  ),
  /** Deploys a kept version, that before the live one if none is named, and stays with it until the next `ruleset.deploy`. */
  'ruleset.rollback': change(z.strictObject({ version: VersionId.optional(), ...because })),
  'versions.list': read(z.strictObject({})),
  'jobs.list': read(z.strictObject({ limit: z.int().min(1).max(50).default(10) })),
} as const;

export type OperationName = keyof typeof OPERATIONS;
export type OperationRequest<N extends OperationName> = z.input<(typeof OPERATIONS)[N]['request']>;
export type OperationResult<N extends OperationName> = OperationResults[N];
export type OperationInput<N extends OperationName> = z.output<(typeof OPERATIONS)[N]['request']>;

function read<T extends z.ZodType>(request: T): { request: T; changes: false } {
  return { request, changes: false };
}

function change<T extends z.ZodType>(request: T): { request: T; changes: true } {
  return { request, changes: true };
}

export type * from './api/results.ts';
export type { AnyDocument, Bodies, Document, Kind, Origin, Scope } from './documents/schemas.ts';
