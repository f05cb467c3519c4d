import { afterAll, beforeAll, expect, test } from 'vitest';
import type { InstancePut } from '@bulkhead/node-lxd';
import { openAttacker, type Attacker } from './attacker.ts';

let evil: Attacker;

beforeAll(async () => {
  evil = await openAttacker('es9');
});

afterAll(async () => {
  await evil.at.dispose();
});

test('ABUSE 19: each change behind the sensor’s back is named, and such a container is not started again', async () => {
  await evil.launch('edited');
  expect(await drift()).toEqual([]);
  const original = await evil.at.project.instances.get('edited');
  const changes: [RegExp, (put: InstancePut) => InstancePut][] = [
    [/config: limits\.memory is "1GiB" instead of "128MiB"/, config('limits.memory', '1GiB')],
    [/config: limits\.processes is "999"/, config('limits.processes', '999')],
    [/config: security\.devlxd is "true" instead of "false"/, config('security.devlxd', 'true')],
    [/config: security\.syscalls\.deny is unset/, config('security.syscalls.deny', undefined)],
    [/config: security\.syscalls\.deny_compat is "false"/, config('security.syscalls.deny_compat', 'false')],
    [/config: environment\.LD_PRELOAD is "x" instead of unset/, config('environment.LD_PRELOAD', 'x')],
    [/config: user\.bulkhead\.digest is "other"/, config('user.bulkhead.digest', 'other')],
    [/config: boot\.autostart is "true"/, config('boot.autostart', 'true')],
    [
      /the device door \(proxy\) was added/,
      device('door', {
        type: 'proxy',
        bind: 'container',
        listen: 'tcp:127.0.0.1:22',
        connect: 'tcp:127.0.0.1:22',
      }),
    ],
    [/the device bus was removed/, device('bus', undefined)],
    [/device run: readonly is unset instead of "true"/, editDevice('run', 'readonly', undefined)],
    [/device root: size is "8GiB"/, editDevice('root', 'size', '8GiB')],
    [/profiles default were added/, (put) => ({ ...put, profiles: ['default'] })],
  ];
  for (const [reason, change] of changes) {
    await evil.at.project.instances.put('edited', change(putOf(original)));
    expect((await drift()).join('; ')).toMatch(reason);
    await evil.at.project.instances.put('edited', putOf(original));
    expect(await drift()).toEqual([]);
  }
  await evil.at.runtime.stop('edited', { graceMs: 0 });
  await evil.at.project.instances.patch('edited', { config: { 'security.devlxd': 'true' } });
  await expect(evil.at.runtime.start('edited')).rejects.toMatchObject({ code: 'RUNTIME_DRIFT' });
  expect((await evil.at.runtime.list())[0]?.status).toBe('stopped');
});

test('ABUSE 19: a container that somebody else put into the project is named', async () => {
  await evil.at.project.instances.create({
    name: 'stranger',
    config: { 'security.idmap.isolated': 'true' },
    devices: { root: { type: 'disk', path: '/', pool: evil.at.site.lxdPool } },
    profiles: [],
    source: { type: 'image', fingerprint: evil.at.image },
  });
  const stranger = (await evil.at.runtime.list()).find(({ name }) => name === 'stranger');
  expect(stranger?.drift).toEqual(['there is no record that this sensor created it']);
  await expect(evil.at.runtime.start('stranger')).rejects.toMatchObject({ code: 'RUNTIME_DRIFT' });
});

async function drift(): Promise<readonly string[]> {
  return (await evil.at.runtime.list()).find(({ name }) => name === 'edited')?.drift ?? ['gone'];
}

function putOf(instance: InstancePut): InstancePut {
  return { config: instance.config, devices: instance.devices, profiles: instance.profiles };
}

function config(key: string, value: string | undefined) {
  return (put: InstancePut): InstancePut => ({ ...put, config: without(put.config, key, value) });
}

function device(name: string, value: Record<string, string> | undefined) {
  return (put: InstancePut): InstancePut => ({ ...put, devices: without(put.devices, name, value) });
}

function editDevice(name: string, key: string, value: string | undefined) {
  return (put: InstancePut): InstancePut => ({
    ...put,
    devices: { ...put.devices, [name]: without(put.devices[name] ?? {}, key, value) },
  });
}

function without<T>(map: Readonly<Record<string, T>>, key: string, value: T | undefined): Record<string, T> {
  const rest = Object.fromEntries(Object.entries(map).filter(([name]) => name !== key));
  return value === undefined ? rest : { ...rest, [key]: value };
}
