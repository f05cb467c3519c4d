import { chown, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { run, sitePaths } from '@bulkhead/platform/kernel';
import { openAttacker, outcomes, type Attacker } from './attacker.ts';

const NOBODY = 65_534;

let evil: Attacker;
let mount: string;

beforeAll(async () => {
  evil = await openAttacker('es6');
  mount = join(sitePaths(evil.at.site).mountsDir, 'evil');
});

afterAll(async () => {
  await run('umount', ['-l', mount], { allowFailure: true });
  await evil.at.dispose();
});

test('ABUSE 16: a set-user-id program in a volume has no effect, inside or from the host', async () => {
  const image = `${mount}.img`;
  await mkdir(join(mount, '..'), { recursive: true });
  await mkdir(mount);
  await writeFile(image, '');
  await run('truncate', ['-s', '32M', image]);
  await run('mkfs.ext4', ['-q', image]);
  await run('mount', ['-o', 'loop,nosuid,nodev', image, mount]);
  const volume = join(mount, 'volume');
  await mkdir(volume, { mode: 0o755 });
  const disk = { name: 'volume', source: volume, path: '/var/lib/instrument', readonly: false };
  const { idmapBase } = await evil.launch('evil', { disks: [disk], start: false });
  await chown(volume, idmapBase, idmapBase);
  await evil.at.runtime.start('evil');

  // Root inside leaves its program there with every bit that could give rights.
  expect((await evil.attack('evil', 'plant', '/var/lib/instrument/ids')).get('/var/lib/instrument/ids')).toBe(
    'ok',
  );
  const planted = join(volume, 'ids');
  expect((await run('stat', ['-c', '%a %u', planted])).stdout.trim()).toBe(`6755 ${String(idmapBase)}`);
  const asNobody = await run('setpriv', [
    `--reuid=${String(NOBODY)}`,
    `--regid=${String(NOBODY)}`,
    '--clear-groups',
    planted,
    'ids',
  ]);
  expect(Object.fromEntries(outcomes(asNobody.stdout))).toEqual({
    uid: String(NOBODY),
    euid: String(NOBODY),
  });
  const inside = await evil.at.project.instances.exec('evil', {
    command: ['/var/lib/instrument/ids', 'ids'],
    user: 1000,
    group: 1000,
  });
  expect(Object.fromEntries(outcomes(inside.stdout))).toEqual({ uid: '1000', euid: '1000' });

  // Nor can a device node be made there, and the flags cannot be taken away from inside.
  expect([...(await evil.attack('evil', 'mknod', '/var/lib/instrument')).values()]).not.toContain('ok');
  await evil.at.runtime.remove('evil');
  await run('umount', [mount]);
  await rm(image);
});
