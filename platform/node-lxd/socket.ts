import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { LxdError } from './errors.ts';

/** Where the daemon's socket is found: Debian's package, the snap, Incus (same paths in the API). */
export const KNOWN_SOCKETS: readonly string[] = Object.freeze([
  '/var/lib/lxd/unix.socket',
  '/var/snap/lxd/common/lxd/unix.socket',
  '/var/lib/incus/unix.socket',
]);

/**
 * The first existing socket. `LXD_DIR` and `LXD_SOCKET` are not read: what a privileged program talks to must not
 * depend on its environment.
 * @throws LxdError LXD_SOCKET_NOT_FOUND naming the places that were looked at.
 */
export async function findSocket(places: readonly string[] = KNOWN_SOCKETS): Promise<string> {
  for (const place of places) {
    if (await isSocket(place)) return place;
  }
  throw new LxdError({
    code: 'LXD_SOCKET_NOT_FOUND',
    message: `No LXD socket was found; looked at ${places.join(', ')}.`,
  });
}

async function isSocket(path: string): Promise<boolean> {
  try {
    await access(path, constants.R_OK | constants.W_OK);
    return (await stat(path)).isSocket();
  } catch {
    return false;
  }
}
