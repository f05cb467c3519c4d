import { access } from 'node:fs/promises';
import { openLxd } from '@bulkhead/node-lxd';
import { run, waitFor } from '@bulkhead/platform/kernel';

/** True when an LXD daemon answers on this machine. */
export async function lxdAnswers(): Promise<boolean> {
  try {
    const lxd = await openLxd();
    try {
      await lxd.instances.listEverywhere();
      return true;
    } finally {
      await lxd.close();
    }
  } catch {
    return false;
  }
}

/**
 * Ends the daemon that our run started where no systemd looks after it, so that nothing is left behind. Left alone when
 * somebody's containers run on it by now: its end would stop them.
 */
export async function endLxd(): Promise<void> {
  if (await underSystemd()) return; // the package's unit is the machine's own, and starts on demand
  const lxd = await openLxd();
  let idle: boolean;
  try {
    idle = (await lxd.instances.listEverywhere()).every(({ status }) => status === 'Stopped');
  } finally {
    await lxd.close();
  }
  if (!idle) return;
  await run('lxd', ['shutdown', '--timeout', '30'], { timeoutMs: 60_000 });
  await waitFor('LXD to end', 30_000, async () => !(await lxdAnswers()));
}

async function underSystemd(): Promise<boolean> {
  return access('/run/systemd/system').then(
    () => true,
    () => false,
  );
}
