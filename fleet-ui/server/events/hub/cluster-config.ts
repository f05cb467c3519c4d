import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { BulkheadError } from '@bulkhead/platform/kernel';
import type { HubCluster } from './hub-config.ts';

const ServerSchema = z
  .string()
  .regex(/^(\[[0-9a-f:]+\]|[a-z0-9.-]{1,253}):\d{1,5}$/, 'must be host:port of a server of the hub');
const FileSchema = z.string().startsWith('/', 'must be an absolute path').max(4_096);
const LOOPBACK = /^(127\.|\[::1\]|localhost:)/;

/** The hub as one of several servers, each beside a `fleetd` of its own; by default it is alone. */
export const HubConfigSchema = z
  .strictObject({
    /** Where all servers of the hub reach each other, this one among them: `a.example.org:6222`. */
    servers: z.array(ServerSchema).max(7).default([]),
    /** Which of `servers` this one is. */
    self: ServerSchema.optional(),
    /** How many servers hold each event until it is in the store. */
    replicas: z.union([z.literal(1), z.literal(3), z.literal(5)]).default(1),
    /** One line that all servers share and nobody else knows. */
    secretFile: FileSchema.optional(),
    /** With which the servers prove themselves to each other (PEM). Needed where they are not on one machine. */
    tls: z.strictObject({ certFile: FileSchema, keyFile: FileSchema, caFile: FileSchema }).optional(),
  })
  .superRefine(({ servers, self, replicas, secretFile, tls }, context) => {
    const refuse = (path: string, message: string): void => {
      context.addIssue({ code: 'custom', path: [path], message });
    };
    if (replicas > Math.max(1, servers.length)) refuse('replicas', 'needs at least as many servers');
    if (servers.length === 0) return;
    if (self === undefined || !servers.includes(self)) refuse('self', 'must be one of the servers');
    if (secretFile === undefined) refuse('secretFile', 'is needed by more than one server');
    if (tls === undefined && !servers.every((server) => LOOPBACK.test(server)))
      refuse('tls', 'is needed by servers that are not on one machine');
  });
export type HubConfig = z.output<typeof HubConfigSchema>;

/**
 * What this server needs to know of the others; undefined when it is alone.
 * @throws BulkheadError FLEET_HUB_SECRET_UNREADABLE
 */
export async function readHubCluster(config: HubConfig): Promise<HubCluster | undefined> {
  const { servers, self, secretFile, tls } = config;
  if (self === undefined || secretFile === undefined) return undefined;
  const secret = await readFile(secretFile, 'utf8').catch((cause: unknown) => {
    throw unreadable(secretFile, cause);
  });
  if (!/^[\x21-\x7e]{16,256}$/.test(secret.trim())) throw unreadable(secretFile);
  return {
    serverName: `fleet-hub-${String(servers.indexOf(self) + 1)}`,
    listen: self,
    routes: servers,
    secret: secret.trim(),
    ...(tls === undefined ? {} : { tls: { cert: tls.certFile, key: tls.keyFile, ca: tls.caFile } }),
  };
}

function unreadable(path: string, cause?: unknown): BulkheadError {
  return new BulkheadError({
    code: 'FLEET_HUB_SECRET_UNREADABLE',
    message: `${path} does not hold the secret of the hub's servers: one line of 16 to 256 characters without spaces.`,
    fields: { path },
    cause,
  });
}
