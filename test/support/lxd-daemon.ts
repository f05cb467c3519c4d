import { openLog, site } from '@bulkhead/platform/kernel';
import { ensureLxdDaemon } from '@bulkhead/platform/runtime';
import { endLxd } from '@bulkhead/scripts';

/**
 * Runs once before the files of a tier that touches LXD (vitest's `globalSetup`): starts the daemon where nobody did,
 * and ends it afterwards, so that a machine without systemd is left as it was.
 */
export async function setup(): Promise<() => Promise<void>> {
  const { started } = await ensureLxdDaemon({ site: site(), log: openLog('test', 'warn') });
  return async () => {
    if (started) await endLxd();
  };
}
