import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BulkheadError, hasCode, writeFileAtomic } from '@bulkhead/platform/kernel';
import type { FleetFeature } from '../web/index.ts';
import type { IncomingAlerts } from './notifier.ts';
import { Notifier, type NotifierParts } from './notifier.ts';
import { notificationRoutes } from './routes.ts';
import type { FleetEvent } from '@bulkhead/fleet-api';

/** Below the state folder; it goes into backups with its key. */
export const NOTIFY_FOLDER = 'notify';
const KEY_FILE = 'seal.key';
const KEY_BYTES = 32;

/** Where events come from; as the room of events gives them. */
export interface AlertSource {
  onEvent(listener: (event: FleetEvent) => void, wants: (message: IncomingAlerts) => boolean): () => void;
}

/** Notifications as a part of fleetd. A fleet goes on without them, and says so. */
export function notifyFeature(parts: NotifierParts, alerts: AlertSource): FleetFeature {
  const notifier = new Notifier(parts);
  // From now on and to the very end: events are taken in before this feature starts and after it has stopped, and each only once.
  alerts.onEvent(
    (event) => {
      notifier.event(event);
    },
    (message) => notifier.wants(message),
  );
  return {
    name: 'notify',
    needed: false,
    start: async () => {
      notifier.start();
    },
    stop: () => notifier.stop(),
    routes: (app) => {
      notificationRoutes(app, notifier, parts.clock);
    },
    attention: () => notifier.attention(),
  };
}

/**
 * The key under which passwords of channels lie in the database: who has the database alone cannot read them.
 * @throws BulkheadError FLEET_NOTIFY_SEAL_DAMAGED
 */
export async function sealKey(stateDir: string): Promise<Buffer> {
  const dir = join(stateDir, NOTIFY_FOLDER);
  const file = join(dir, KEY_FILE);
  try {
    const key = Buffer.from(readFileSync(file, 'utf8').trim(), 'base64url');
    if (key.length === KEY_BYTES) return key;
    throw new BulkheadError({
      code: 'FLEET_NOTIFY_SEAL_DAMAGED',
      message: `${file} does not hold a key.`,
      fields: { path: file },
    });
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error;
  }
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const key = randomBytes(KEY_BYTES);
  await writeFileAtomic(file, `${key.toString('base64url')}\n`, 0o600);
  return key;
}
