import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { NameSchema, ResourceNameSchema } from '../../contracts/index.ts';
import { BulkheadError, parseStrict } from '../../kernel/index.ts';
import { DELIVERY_LIMITS } from '../../storage/index.ts';
import type { Feature, FeatureContext } from '../feature.ts';
import { deliveredCopies } from './data-source.ts';
import { DeliveryService } from './delivery-service.ts';

/** A file as it is; `bulkhead resources import` sends it. */
export const FILE_CONTENT_TYPE = 'application/x-bulkhead-file';

const author = z.string().max(500).default('unknown');
const ImportSchema = z.strictObject({
  for: NameSchema,
  as: ResourceNameSchema,
  author,
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'must be 64 hexadecimal digits')
    .optional(),
  bytes: z.coerce.number().int().min(0).max(DELIVERY_LIMITS.fileBytes).optional(),
});
const ParamsSchema = z.strictObject({ instrument: NameSchema });
const RemoveSchema = z.strictObject({
  instrument: NameSchema,
  files: z.array(ResourceNameSchema).min(1).max(64),
  author,
});

/** Files that travel between instruments, and those that people import. */
export function deliveriesFeature(context: FeatureContext): Feature {
  const { site, log, rooms, sensor, publish, data } = context;
  const desired = () => sensor.desired;
  const service = new DeliveryService({ site, log, ...rooms, desired, publish });
  data.register(deliveredCopies({ site, storage: rooms.storage, desired }));
  let endService: () => void = () => undefined;
  return {
    name: 'deliveries',
    start: () => {
      endService = rooms.bus.serve('deliver', (from, payload) => service.deliver(from, payload));
      return Promise.resolve();
    },
    stop: () => {
      endService();
      // Before the volumes are let go; who asked is told, and asks again after the restart.
      rooms.storage.deliveries.interrupt();
      return Promise.resolve();
    },
    routes: (app) => {
      routes(app, service);
    },
  };
}

function routes(app: FastifyInstance, service: DeliveryService): void {
  // As a stream: the file is bounded where it is written, and never in memory as a whole.
  app.addContentTypeParser(FILE_CONTENT_TYPE, (_request, payload, done) => {
    done(null, payload);
  });
  app.get('/v1/resources/:instrument', async (request) => {
    const { instrument } = parsed(ParamsSchema, request.params);
    return { instrument, files: await service.list(instrument) };
  });
  app.post('/v1/resources/import', async (request) => {
    const { for: to, ...rest } = parsed(ImportSchema, request.query);
    if (!(request.body instanceof Readable)) throw noContent();
    return service.import({ to, ...rest, maxBytes: DELIVERY_LIMITS.fileBytes }, request.body);
  });
  app.post('/v1/resources/remove', async (request) => {
    const { instrument, files, author } = parsed(RemoveSchema, request.body);
    return { removed: files, ...(await service.remove(instrument, files, author)) };
  });
}

function parsed<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  return parseStrict(schema, value, 'SENSORD_REQUEST_INVALID', 'The request');
}

function noContent(): BulkheadError {
  return new BulkheadError({
    code: 'SENSORD_REQUEST_INVALID',
    message: `The request is not valid: the file is sent as ${FILE_CONTENT_TYPE}.`,
    hint: 'Use `bulkhead resources import`.',
  });
}
