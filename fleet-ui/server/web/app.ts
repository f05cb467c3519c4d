import helmet from '@fastify/helmet';
import Fastify, { LogController, type FastifyBaseLogger } from 'fastify';
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import { randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { BulkheadError, describeError, type Logger } from '@bulkhead/platform/kernel';
import { sendError } from './error-replies.ts';
import type { FleetApp, FleetFeature } from './feature.ts';
import { describeApi } from './openapi.ts';
import { refuseSecretsInUrl, refuseUnknownHosts } from './request-checks.ts';
import { checkRights } from './rights-check.ts';
import { securityHeaders } from './security-headers.ts';
import { openServer, SERVER_LIMITS, type ServerLimits, type TlsIdentity } from './server.ts';
import { servePages } from './pages.ts';

export interface WebOptions {
  log: Logger;
  version: string;
  /** Undefined: plain HTTP. Whoever composes sees to it that this is loopback only. */
  tls: TlsIdentity | undefined;
  /** Is this name (lower case, no port) one of the fleet's own? */
  knowsHost: (host: string) => boolean;
  /** Where pages of instruments are, for the policy of our own pages: `*.fleet.example.org`. */
  instrumentHosts: string;
  features: readonly FleetFeature[];
  /** Folder of the built web app; undefined: there is none, only the API. */
  pagesDir: string | undefined;
  /** In place of the usual ones. */
  limits?: Partial<ServerLimits>;
}

/** The listener for people, composed. */
export interface Web {
  /** For `inject()`, and for who describes the API. */
  readonly app: FleetApp;
  /** @returns the port that was taken @throws BulkheadError FLEET_WEB_LISTEN_FAILED */
  listen(address: string, port: number): Promise<number>;
  close(): Promise<void>;
}

/** Of a request's body; a route that takes more says so with `bodyLimit`. */
const BODY_BYTES_MOST = 1024 * 1024;

/**
 * Puts the routes of all features behind one set of checks. Order matters: name, path and secrets are judged before the guard, the
 * guard before a body is read, rights once more before a handler runs.
 * @throws BulkheadError FLEET_WEB_RIGHT_UNDECLARED
 */
export async function openWeb(options: WebOptions): Promise<Web> {
  const hosts = options.features.flatMap(({ hosts: served }) => served ?? []);
  const guard = options.features.find((feature) => feature.guard !== undefined)?.guard;
  const log: FastifyBaseLogger = options.log;
  const app = Fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: () => randomBytes(9).toString('base64url'),
    requestIdHeader: false,
    bodyLimit: BODY_BYTES_MOST,
    trustProxy: false,
    forceCloseConnections: true,
    // The server has its own.
    clientErrorHandler: () => undefined,
    routerOptions: { caseSensitive: true, maxParamLength: 300 },
    serverFactory: (handler) =>
      openServer(handler, {
        tls: options.tls,
        hosts,
        limits: { ...SERVER_LIMITS, ...options.limits },
        crowded: (address) => {
          log.warn({ address }, 'an address holds as many connections as one may; more of it are closed');
        },
      }),
  }).withTypeProvider<ZodTypeProvider>();
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.setErrorHandler((error, request, reply) => sendError(error, request, reply));
  // Bodies are JSON, or what a route takes by a parser of its own.
  app.removeContentTypeParser('text/plain');
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id);
    // Answers are about people and sensors; files of the app say themselves how long they last.
    if (request.url.startsWith('/api/')) reply.header('cache-control', 'no-store');
  });
  await app.register(
    helmet,
    securityHeaders({ encrypted: options.tls !== undefined, instrumentHosts: options.instrumentHosts }),
  );
  refuseUnknownHosts(app, options.knowsHost);
  refuseSecretsInUrl(app);
  await describeApi(app, options.version);
  checkRights(app, guard);
  logRequests(app);
  for (const feature of options.features) feature.routes?.(app);
  await servePages(app, options.pagesDir);
  await app.ready();
  return {
    app,
    listen: async (address, port) => {
      try {
        await app.listen({ host: address, port });
      } catch (cause) {
        throw new BulkheadError({
          code: 'FLEET_WEB_LISTEN_FAILED',
          message: `Cannot listen on ${address} port ${port}: ${describeError(cause)}`,
          fields: { address, port },
          cause,
        });
      }
      return (app.server.address() as AddressInfo).port;
    },
    close: () => app.close(),
  };
}

/** One line for each request: the route, never the address, which may hold what people searched for. */
function logRequests(app: FleetApp): void {
  app.addHook('onResponse', async (request, reply) => {
    request.log.info(
      {
        method: request.method,
        route: request.routeOptions.url ?? '(none)',
        status: reply.statusCode,
        durationMs: Math.round(reply.elapsedTime),
        person: request.person?.id,
        address: request.ip,
      },
      'request',
    );
  });
}
