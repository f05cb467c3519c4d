import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { site } from '@bulkhead/platform/kernel';
import { runDoctor } from '@bulkhead/platform/health';
import { probeKernel } from '@bulkhead/platform/network';

test('on this machine every check answers in time, and nothing is changed', async () => {
  const dir = await mkdtemp('/var/tmp/bulkhead-doctor-');
  try {
    const at = site({
      prefix: 'bs2',
      stateDir: join(dir, 'state'),
      runDir: join(dir, 'run'),
      cacheDir: join(dir, 'cache'),
    });
    const before = performance.now();
    const found = await runDoctor({
      site: at,
      monitorDevices: ['lo'],
      probePacketPath: async () => probeKernel(at),
    });
    expect(performance.now() - before).toBeLessThan(8_000);
    const unchecked = found.filter(({ text }) => text.startsWith('This could not be checked'));
    expect(unchecked).toEqual([]);
    const severity = (code: string) =>
      found.filter((check) => check.code === code).map((check) => check.severity);
    for (const code of [
      'root',
      'node',
      'user-namespaces',
      'cgroup',
      'seccomp',
      'loop',
      'file-encryption',
      'memory',
    ]) {
      expect([code, ...severity(code)]).toEqual([code, 'ok']);
    }
    for (const { severity: found_, text, hint } of found) {
      expect(text.length).toBeGreaterThan(5);
      if (found_ === 'warning' || found_ === 'error') expect(hint ?? '', text).not.toBe('');
    }
    // A site before its first start: the nats-server of the machine, if any, is not the sensor's.
    expect(severity('nats-server')).toHaveLength(1);
    expect(await readdir(dir)).toEqual([]);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
});
