import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ca } from '@bulkhead/fleet-server/ca';
import { openLog } from '@bulkhead/platform/kernel';

/** A certificate for `localhost` with its key, and the authority that it comes from; made anew each time. */
export async function localhostIdentity(): Promise<{ key: string; cert: string; ca: string }> {
  const dir = await mkdtemp(join(tmpdir(), 'fleet-notify-ca-'));
  try {
    const ca = await Ca.open({
      ...{ dir, names: ['localhost'], baseDomain: 'localhost', log: openLog('test', 'silent') },
    });
    const { key, cert } = ca.linkPair();
    return { key, cert, ca: ca.certificate };
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
