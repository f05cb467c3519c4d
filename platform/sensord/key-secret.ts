import type { FastifyInstance } from 'fastify';
import { BulkheadError } from '../kernel/index.ts';

/** A secret comes as bytes: as JSON it would become a string, which cannot be wiped. */
export function takeSecrets(app: FastifyInstance): void {
  if (app.hasContentTypeParser('application/octet-stream')) return;
  app.addContentTypeParser('application/octet-stream', { parseAs: 'buffer' }, (_request, body, done) => {
    done(null, body);
  });
}

/** Lends a secret that came over the API, or from a file, and wipes it. @throws BulkheadError SENSORD_REQUEST_INVALID */
export async function withSecret<T>(body: unknown, use: (secret: Buffer) => Promise<T>): Promise<T> {
  if (!Buffer.isBuffer(body)) {
    throw new BulkheadError({
      code: 'SENSORD_REQUEST_INVALID',
      message: 'A secret must be sent as application/octet-stream.',
      hint: 'Use `bulkhead keys`.',
    });
  }
  try {
    return await use(body);
  } finally {
    body.fill(0);
  }
}
