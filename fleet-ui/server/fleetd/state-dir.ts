import { lchown, mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { BulkheadError } from '@bulkhead/platform/kernel';

/**
 * A fault in fleetd, which speaks with browsers, must not be a fault of the machine.
 * @throws BulkheadError FLEET_FLEETD_ROOT_REFUSED
 */
export function refuseRoot(allowed: boolean, uid = process.getuid?.()): void {
  if (uid !== 0 || allowed) return;
  throw new BulkheadError({
    code: 'FLEET_FLEETD_ROOT_REFUSED',
    message: 'fleetd was started as root and needs no right of root.',
    hint: 'Run it as a user of its own (the systemd unit does), or say --allow-root.',
  });
}

/**
 * Makes the state folder, or checks that it is ours alone: keys of the CA lie in it.
 * @throws BulkheadError FLEET_FLEETD_STATE_EXPOSED
 */
export async function ownStateDir(dir: string): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const found = await stat(dir);
  if (found.isDirectory() && found.uid === process.getuid?.() && (found.mode & 0o077) === 0) return;
  throw new BulkheadError({
    code: 'FLEET_FLEETD_STATE_EXPOSED',
    message: `${dir} is not a folder that belongs to fleetd alone (mode ${(found.mode & 0o777).toString(8)}, owner ${found.uid}).`,
    hint: `chown it to fleetd's user and chmod 0700.`,
    fields: { path: dir },
  });
}

/** After root has opened a database of another user: what was laid beside it belongs to that user, who could not open it else. */
export async function giveBack(dir: string): Promise<void> {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = await stat(dir);
  for (const name of await readdir(dir)) {
    if (/^(fleet\.(db|lock)(-wal|-shm|-journal)?|last-backup\.json)$/.test(name))
      await lchown(join(dir, name), uid, gid);
  }
}
