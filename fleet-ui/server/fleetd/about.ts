import { AboutSchema, HealthSchema, type Health } from '@bulkhead/fleet-api';
import type { FleetFeature } from '../web/index.ts';
import { FLEETD_VERSION } from './version.ts';

/** What can be known without signing in: that this is a fleet, its version, and whether it works. */
export function aboutFeature(options: { baseDomain: string; setUpNeeded: () => boolean }): FleetFeature {
  let state: Health['state'] = 'starting';
  return {
    name: 'about',
    start: async () => {
      state = 'ok';
    },
    stop: async () => {
      state = 'starting';
    },
    routes: (app) => {
      app.get(
        '/api/v1/about',
        {
          config: { right: 'public' },
          schema: { summary: 'What this fleet is', tags: ['fleet'], response: { 200: AboutSchema } },
        },
        async () => ({
          product: 'bulkhead' as const,
          version: FLEETD_VERSION,
          api: 1 as const,
          baseDomain: options.baseDomain,
          setUpNeeded: options.setUpNeeded(),
        }),
      );
      app.get(
        '/api/v1/health',
        {
          config: { right: 'public' },
          schema: {
            summary: 'Whether the fleet works',
            tags: ['fleet'],
            response: { 200: HealthSchema, 503: HealthSchema },
          },
        },
        async (_request, reply) => reply.code(state === 'ok' ? 200 : 503).send({ state }),
      );
    },
  };
}
