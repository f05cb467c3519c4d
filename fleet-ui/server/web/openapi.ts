import swagger from '@fastify/swagger';
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import type { FleetApp } from './feature.ts';

/** Has every route under `/api/` described from its schemas; read it with `app.swagger()`. */
export async function describeApi(app: FleetApp, version: string): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Bulkhead fleet',
        version,
        description:
          'The API of fleetd. People use it with a session of the web app, programs with an API token: `Authorization: Bearer bh_…`.',
        license: { name: 'Apache-2.0' },
      },
      servers: [],
      components: {
        securitySchemes: {
          token: { type: 'http', scheme: 'bearer', description: 'An API token.' },
          session: { type: 'apiKey', in: 'cookie', name: '__Host-bulkhead', description: 'Of the web app.' },
        },
      },
    },
    transform: (route) => {
      if (!route.url.startsWith('/api/')) return { schema: { ...route.schema, hide: true }, url: route.url };
      const right = route.route.config?.right;
      const said = jsonSchemaTransform(route);
      return {
        url: said.url,
        schema: {
          ...said.schema,
          ...(right === 'public'
            ? { security: [] }
            : { security: [{ token: [] }, { session: [] }], 'x-right': right }),
        },
      };
    },
    transformObject: jsonSchemaTransformObject,
  });
}
