import type { RouteOptions } from 'fastify';
import { GRANTED_RIGHTS } from '@bulkhead/fleet-api';
import { BulkheadError } from '@bulkhead/platform/kernel';
import type { FleetApp, Guard } from './feature.ts';

const KNOWN = new Set<string>(['public', 'signed-in', ...GRANTED_RIGHTS]);

/**
 * Denies by default: a route that does not say what it asks for is a fault of the program, found at start. And whatever the
 * guard did, no handler runs for somebody who lacks the right.
 */
export function checkRights(app: FleetApp, guard: Guard | undefined): void {
  const routes: RouteOptions[] = [];
  app.addHook('onRoute', (route) => {
    routes.push(route);
  });
  app.addHook('onReady', async () => {
    // Only now: a plugin's own hooks may have completed its routes after ours saw them.
    for (const { method, url, config } of routes) {
      const name = `${String(method)} ${url}`;
      if (config?.right === undefined || !KNOWN.has(config.right)) throw undeclared(name);
      for (const param of [config.sensorParam, config.instrumentParam]) {
        if (param !== undefined && !url.split('/').includes(`:${param}`)) throw undeclared(name, param);
      }
    }
  });
  app.addHook('onRequest', async (request, reply) => {
    if (!request.is404) await guard?.onRequest(request, reply);
  });
  app.addHook('preHandler', async (request) => {
    const { right, sensorParam, instrumentParam } = request.routeOptions.config;
    if (request.is404 || right === 'public') return;
    const { person } = request;
    if (person === undefined) throw signedOut();
    if (right === undefined || right === 'signed-in') return;
    const params = request.params as Readonly<Record<string, string>>;
    const sensor = sensorParam === undefined ? undefined : params[sensorParam];
    const instrument = instrumentParam === undefined ? undefined : params[instrumentParam];
    if (!person.may(right, sensor, instrument)) throw denied(right, sensor, instrument);
  });
  app.addHook('onResponse', async (request, reply) => {
    if (!request.is404) await guard?.onResponse?.(request, reply);
  });
}

function undeclared(route: string, param?: string): BulkheadError {
  return new BulkheadError({
    code: 'FLEET_WEB_RIGHT_UNDECLARED',
    message:
      param === undefined
        ? `${route} does not say which right it asks for`
        : `${route} is about a parameter :${param} that it does not have`,
    fields: { route },
  });
}

function signedOut(): BulkheadError {
  return new BulkheadError({ code: 'FLEET_WEB_SIGNED_OUT', message: 'Nobody is signed in.' });
}

function denied(right: string, sensor?: string, instrument?: string): BulkheadError {
  const where =
    sensor === undefined ? '' : ` on ${sensor}${instrument === undefined ? '' : ` ${instrument}`}`;
  return new BulkheadError({
    code: 'FLEET_WEB_DENIED',
    message: `You do not have the right ${right}${where}.`,
    fields: { right, sensor, instrument },
  });
}
