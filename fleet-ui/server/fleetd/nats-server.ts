import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Where `scripts/setup` and the Debian package put it. */
const PLACES = ['/usr/lib/bulkhead/tools/nats-server', '/var/cache/bulkhead/tools/nats-server'];

/** The nats-server to run: as configured, else the one that came with Bulkhead, else one in PATH. */
export function natsServer(configured: string | undefined, path = process.env['PATH'] ?? ''): string {
  if (configured !== undefined) return configured;
  const inPath = path.split(delimiter).filter((dir) => dir.startsWith('/'));
  const found = [...PLACES, ...inPath.map((dir) => join(dir, 'nats-server'))].find(isExecutable);
  return found ?? 'nats-server';
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
