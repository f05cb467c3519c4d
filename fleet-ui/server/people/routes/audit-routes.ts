import { Readable } from 'node:stream';
import {
  AuditCheckSchema,
  AuditExportQuerySchema,
  AuditPageSchema,
  AuditQuerySchema,
  type AuditEntry,
} from '@bulkhead/fleet-api';
import type { FleetApp } from '../../web/index.ts';
import type { Parts } from '../parts.ts';

const tags = ['audit'];
const LINES_AT_ONCE = 200;

/** The audit log, for reading. Nothing writes, changes or removes a line by an address. */
export function auditRoutes(app: FleetApp, { audit }: Parts): void {
  app.get(
    '/api/v1/audit',
    {
      config: { right: 'audit.read', audit: 'audit.read' },
      schema: {
        summary: 'Who saw and did what, the newest first',
        tags,
        querystring: AuditQuerySchema,
        response: { 200: AuditPageSchema },
      },
    },
    async (request) => audit.page(request.query),
  );

  app.get(
    '/api/v1/audit/export',
    {
      config: { right: 'audit.read', audit: 'audit.export' },
      schema: {
        summary: 'The audit log as NDJSON, the oldest first, with its hashes',
        tags,
        querystring: AuditExportQuerySchema,
      },
    },
    async (request, reply) =>
      reply
        .type('application/x-ndjson; charset=utf-8')
        .header('content-disposition', 'attachment; filename="audit.ndjson"')
        .header('cache-control', 'no-store')
        .send(Readable.from(lines(audit.all(request.query)), { objectMode: false })),
  );

  app.get(
    '/api/v1/audit/check',
    {
      config: { right: 'audit.read', audit: 'audit.check' },
      schema: {
        summary: 'Whether the audit log is whole, as far as its hashes can say',
        tags,
        response: { 200: AuditCheckSchema },
      },
    },
    async () => audit.check(),
  );
}

/** Pauses between some lines and the next, so that a long export holds up nobody. */
async function* lines(entries: Iterable<AuditEntry>): AsyncGenerator<Buffer> {
  let text: string[] = [];
  for (const entry of entries) {
    text.push(`${JSON.stringify(entry)}\n`);
    if (text.length < LINES_AT_ONCE) continue;
    yield Buffer.from(text.join(''));
    text = [];
    await new Promise((go) => setImmediate(go));
  }
  if (text.length > 0) yield Buffer.from(text.join(''));
}
