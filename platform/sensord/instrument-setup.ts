import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { NameSchema } from '../contracts/index.ts';
import { parseStrict } from '../kernel/index.ts';
import type { Feature, FeatureContext } from './feature.ts';

const ParamsSchema = z.strictObject({ name: NameSchema });

/** What an instrument is set to, what its package says can be set, and how long its events are kept. */
export function instrumentSetup({ sensor, configuration }: FeatureContext): Feature {
  return {
    name: 'instrument setup',
    start: () => Promise.resolve(),
    stop: () => Promise.resolve(),
    routes: (app: FastifyInstance) => {
      app.get('/v1/instruments/:name/setup', (request) => {
        const { name } = parseStrict(ParamsSchema, request.params, 'SENSORD_REQUEST_INVALID', 'The request');
        const { manifest, limits, rights } = sensor.instrument(name);
        const { instruments, events } = configuration.inUse.config;
        const configured = instruments.find((one) => one.name === name);
        const { default: usual, types } = events.retentionDays;
        return {
          title: manifest.title,
          description: manifest.description,
          limits,
          volumeMib: configured?.volumeMib ?? manifest.volume.sizeMib,
          options: configured?.options ?? {},
          ...(manifest.options === undefined ? {} : { schema: manifest.options }),
          retention: {
            defaultDays: usual,
            types: rights.publish.map((type) => ({ type, days: types[type] ?? usual, own: type in types })),
          },
        };
      });
    },
  };
}
