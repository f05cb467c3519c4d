import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { BulkheadError, describeError, parseStrict, type ErrorCode } from '../kernel/index.ts';
import { SETTLE_TIMEOUT_MS, type ChangeOutcome, type ChangeRequest } from './config-change.ts';
import { configDifferences } from './config-diff.ts';
import { documentValue } from './config-file.ts';
import type { Feature, FeatureContext } from './feature.ts';
import { normaliseDocument, type Revision } from './revisions-format.ts';

/** A document of 1 MiB as a JSON string, with its escapes. */
const BODY_BYTES = 4 << 20;
/** Outcomes that are kept for whoever asked for them. */
const MAX_CHANGES = 32;

const RevisionNumber = z.coerce.number().int().min(1).max(999_999_999);
const ChangeFields = {
  author: z.string().max(500).default('unknown'),
  reason: z.string().max(5000).default(''),
  expectRevision: RevisionNumber.optional(),
  timeoutS: z
    .int()
    .min(1)
    .max(3600)
    .default(SETTLE_TIMEOUT_MS / 1000),
};
const DocumentSchema = z.strictObject({ document: z.string().max(2 << 20) });
const ApplySchema = z.strictObject({ ...DocumentSchema.shape, ...ChangeFields });
const RollbackSchema = z.strictObject({ to: z.union([z.literal('last'), RevisionNumber]), ...ChangeFields });
const NumberSchema = z.strictObject({ number: RevisionNumber });
const DiffSchema = z.strictObject({
  from: RevisionNumber.optional(),
  to: RevisionNumber.optional(),
  document: DocumentSchema.shape.document.optional(),
});

/** A change that was asked for, as `GET /v1/config/changes/N` tells it. */
export interface ChangeState {
  id: number;
  state: 'running' | 'done' | 'failed';
  outcome?: ChangeOutcome;
  error?: { code: ErrorCode; message: string; hint?: string };
}

/**
 * The configuration's history over the local API. A change may take longer than a client waits: it is begun, answered with
 * a number, and its end is asked for.
 */
export function configFeature({ configuration, changes, log }: FeatureContext): Feature {
  const asked = new Map<number, ChangeState>();
  let lastId = 0;
  const begin = (request: ChangeRequest): ChangeState => {
    const change: ChangeState = { id: (lastId += 1), state: 'running' };
    asked.set(change.id, change);
    const oldest = asked.keys().next().value;
    if (asked.size > MAX_CHANGES && oldest !== undefined) asked.delete(oldest);
    changes.apply(request).then(
      (outcome) => Object.assign(change, { state: 'done', outcome }),
      (error: unknown) => {
        log.warn({ err: error }, `a change of the configuration was not made: ${describeError(error)}`);
        Object.assign(change, { state: 'failed', error: errorOf(error) });
      },
    );
    return change;
  };
  const { revisions } = configuration;
  const documentOf = (number: number) => documentValue(revisions.get(number).revision.document, 'it');
  return {
    name: 'configuration',
    start: () => Promise.resolve(),
    stop: () => Promise.resolve(),
    routes: (app: FastifyInstance) => {
      const body = { bodyLimit: BODY_BYTES };
      app.get('/v1/config', () => shown(inForce(revisions.current)));
      app.get('/v1/config/revisions', () => ({
        current: revisions.current?.number,
        revisions: revisions.list().map(({ revision, result }) => ({ ...summary(revision), result })),
      }));
      app.get('/v1/config/revisions/:number', (request) => {
        const { number } = parsed(NumberSchema, request.params);
        const { revision, result } = revisions.get(number);
        return { ...shown(revision), result };
      });
      app.post('/v1/config/plan', body, (request) =>
        changes.foresee(parsed(DocumentSchema, request.body).document),
      );
      app.post('/v1/config/diff', body, (request) => {
        const { from, to, document } = parsed(DiffSchema, request.body);
        const before = documentOf(from ?? inForce(revisions.current).number);
        const after =
          document === undefined
            ? documentOf(to ?? inForce(revisions.current).number)
            : documentValue(normaliseDocument(document), 'The document');
        return { differences: configDifferences(before, after) };
      });
      app.post('/v1/config/apply', body, (request) => {
        const { timeoutS, ...rest } = parsed(ApplySchema, request.body);
        documentValue(normaliseDocument(rest.document), 'The document');
        return begin({ ...rest, origin: 'apply', timeoutMs: timeoutS * 1000 });
      });
      app.post('/v1/config/rollback', (request) => {
        const { to, timeoutS, ...rest } = parsed(RollbackSchema, request.body);
        const target = to === 'last' ? previousOf(revisions.previous) : revisions.get(to).revision;
        return begin({
          ...rest,
          document: target.document,
          restores: target.number,
          origin: 'rollback',
          timeoutMs: timeoutS * 1000,
        });
      });
      app.get('/v1/config/changes/:number', (request) => {
        const { number } = parsed(NumberSchema, request.params);
        const change = asked.get(number);
        if (change !== undefined) return change;
        throw new BulkheadError({
          code: 'SENSORD_CHANGE_UNKNOWN',
          message: `This sensor does not know of a change ${String(number)}; it may have been restarted.`,
          hint: '`bulkhead config history` shows what became of it.',
          fields: { change: number },
        });
      });
    },
  };
}

function parsed<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  return parseStrict(schema, value, 'SENSORD_REQUEST_INVALID', 'The request');
}

function summary({ number, author, reason, time, origin, basedOn, restores, digest }: Revision) {
  return { number, author, reason, time, origin, basedOn, restores, digest };
}

function shown(revision: Revision) {
  return { ...summary(revision), document: revision.document };
}

function inForce(current: Revision | undefined): Revision {
  if (current === undefined) throw new Error('no configuration was loaded yet');
  return current;
}

function previousOf(previous: Revision | undefined): Revision {
  if (previous !== undefined) return previous;
  throw new BulkheadError({
    code: 'SENSORD_REVISION_UNKNOWN',
    message: 'There is no earlier revision that was applied.',
    hint: '`bulkhead config history` lists those that are kept.',
  });
}

function errorOf(error: unknown): NonNullable<ChangeState['error']> {
  if (error instanceof BulkheadError) return error.toJSON();
  return { code: 'SENSORD_INTERNAL', message: 'The change was not made; the log of the sensor says why.' };
}
