import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { DataRegister } from '../data/index.ts';
import { SearchFilterSchema, type EventStore, type SearchFilter } from '../events/index.ts';
import { describeError, parseStrict } from '../kernel/index.ts';

/** A histogram that must be exact may take so long; other questions wait for it. */
const EXACT_MS = 20_000;

/** Types come as `type=dns&type=alert` or `type=dns,alert`. */
const FilterQuery = SearchFilterSchema.omit({ types: true }).extend({
  type: z
    .union([z.string().max(2_000), z.array(z.string().max(80)).max(32)])
    .transform((value) => (typeof value === 'string' ? value.split(',') : value))
    .optional(),
});
const SearchQuery = FilterQuery.extend({
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
  cursor: z.string().max(200).optional(),
});
const HistogramQuery = FilterQuery.extend({
  buckets: z.coerce.number().int().min(1).max(500).default(60),
  by: z.enum(['type', 'severity']).default('type'),
  /** Count everything, however long that takes (within bounds), instead of estimating. */
  exact: z.enum(['0', '1']).default('0'),
});
const ExportQuery = FilterQuery.extend({
  format: z.enum(['ndjson', 'csv']).default('ndjson'),
  /** Where it goes, in words, for the journal of exports. */
  where: z.string().max(300).optional(),
});

/** `GET /v1/search`, `/v1/search/histogram`, `/v1/search/export`, and `POST /v1/search/accept-clock`. */
export function searchRoutes(
  app: FastifyInstance,
  store: () => EventStore,
  journal: Pick<DataRegister, 'recordExport'>,
): void {
  app.get('/v1/search', async (request) => {
    const { limit, cursor, ...filter } = parse(SearchQuery, request.query);
    return store().search(filterOf(filter), { limit, cursor });
  });
  app.get('/v1/search/histogram', async (request) => {
    const { buckets, by, exact, ...filter } = parse(HistogramQuery, request.query);
    return store().histogram(filterOf(filter), {
      buckets,
      by,
      ...(exact === '1' ? { budgetMs: EXACT_MS } : {}),
    });
  });
  app.get('/v1/search/export', async (request, reply) => {
    const { format, where, ...rest } = parse(ExportQuery, request.query);
    const filter = filterOf(rest);
    const parts = store().export(filter, format);
    // The first part is made before the head is sent, so that a filter that is refused is answered as such.
    const first = await parts.next();
    let records = 0;
    const text = async function* () {
      if (first.done !== true) yield first.value.text;
      for await (const part of parts) {
        records += part.events;
        if (part.text !== '') yield part.text;
      }
      await journal
        .recordExport({
          kind: 'export',
          what: `events as ${format}: ${JSON.stringify(filter)}`,
          where: where ?? 'the local API',
          by: 'root of the sensor',
          records,
        })
        .catch((error: unknown) => {
          request.log.error({ err: error }, `an export could not be put on record: ${describeError(error)}`);
        });
    };
    reply.type(format === 'csv' ? 'text/csv; charset=utf-8' : 'application/x-ndjson');
    return reply.send(Readable.from(text()));
  });
  app.post('/v1/search/accept-clock', async () => {
    await store().believeClock();
    return { accepted: true };
  });
}

function parse<T extends z.ZodType>(schema: T, query: unknown): z.output<T> {
  return parseStrict(schema, query, 'EVENTS_FILTER_INVALID', 'The request');
}

function filterOf({
  type,
  ...rest
}: Omit<SearchFilter, 'types'> & { type?: string[] | undefined }): SearchFilter {
  return { ...rest, ...(type === undefined ? {} : { types: type }) };
}
