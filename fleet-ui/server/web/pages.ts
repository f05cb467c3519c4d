import staticFiles from '@fastify/static';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BulkheadError } from '@bulkhead/platform/kernel';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { FleetApp } from './feature.ts';

/** Stands in index.html where the nonce of one reply goes: `html.cspNonce` of vite.config.ts. */
export const NONCE_PLACE = '__BULKHEAD_NONCE__';

/**
 * Serves the built web app: `assets/` (names carry a digest, so they are kept for ever), files beside index.html, and
 * index.html itself for every address that is no API, so that the app's own addresses can be opened and sent to others.
 */
export async function servePages(app: FleetApp, dir: string | undefined): Promise<void> {
  const index = dir === undefined ? undefined : join(dir, 'index.html');
  if (dir === undefined || index === undefined || !existsSync(index)) {
    app.setNotFoundHandler(() => Promise.reject(notFound()));
    return;
  }
  const page = await readFile(index, 'utf8');
  const send = (reply: FastifyReply) => sendPage(reply, page);
  await app.register(async (files) => {
    files.addHook('onRoute', (route) => {
      route.config = { ...route.config, right: 'public' };
    });
    await files.register(staticFiles, {
      root: dir,
      // One route for each file, known at start: nothing is looked up by what a client sends.
      wildcard: false,
      index: false,
      preCompressed: true,
      decorateReply: false,
      cacheControl: false,
      globIgnore: ['index.html', '**/*.br', '**/*.gz'],
      setHeaders: (reply, path) => {
        // A cache between must not give a packed file to who did not ask for one.
        reply.setHeader('vary', 'accept-encoding');
        const lasting = path.includes('/assets/');
        reply.setHeader('cache-control', lasting ? 'public, max-age=31536000, immutable' : 'no-cache');
      },
    });
    files.get('/', (_request, reply) => send(reply));
  });
  app.setNotFoundHandler((request, reply) => {
    if (!wantsPage(request)) throw notFound();
    return send(reply);
  });
}

function wantsPage(request: FastifyRequest): boolean {
  const path = (request.raw.url ?? '').split('?', 1)[0] ?? '';
  return (
    request.method === 'GET' &&
    // Files lie below `/assets/`; `/assets` itself is a page of the app.
    !/^\/(api(\/|$)|assets\/)/.test(path) &&
    !path.includes('.') &&
    (request.headers.accept ?? '').includes('text/html')
  );
}

/** An app that makes style elements as it runs has a place for a nonce, which lets these in and no others; one that does not needs none. */
function sendPage(reply: FastifyReply, page: string): FastifyReply {
  const sent = reply.header('cache-control', 'no-store').type('text/html; charset=utf-8');
  if (!page.includes(NONCE_PLACE)) return sent.send(page);
  const nonce = randomBytes(16).toString('base64');
  const policy = String(reply.getHeader('content-security-policy') ?? '');
  return sent
    .header(
      'content-security-policy',
      policy.replace("style-src 'self'", `style-src 'self' 'nonce-${nonce}'`),
    )
    .send(page.replaceAll(NONCE_PLACE, nonce));
}

function notFound(): BulkheadError {
  return new BulkheadError({ code: 'FLEET_WEB_NOT_FOUND', message: 'There is nothing at this address.' });
}
