import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { linkName, run, tableName, waitFor } from '@bulkhead/platform/kernel';
import { attackUntilSeen, startLabSensor, type LabSensor } from '../../support/lab-sensor.ts';

let world: LabSensor;

beforeAll(async () => {
  world = await startLabSensor('b2');
}, 240_000);

afterAll(async () => {
  await world.remove();
}, 120_000);

/**
 * Runs a shell line in an instrument's network namespace with every right over it: more than its program has, and what
 * an attacker would have who broke out of everything but the namespace.
 */
async function inNetwork(instrument: string, line: string): Promise<{ stdout: string; stderr: string }> {
  const { instruments } = await world.sensor.status();
  const pid = instruments.find(({ name }) => name === instrument)?.pid ?? 0;
  return run('nsenter', [`--net=/proc/${String(pid)}/ns/net`, '/bin/sh', '-c', line], { allowFailure: true });
}

/** What the lab's switch received from the SPAN port: frames that left the monitor interface. */
async function framesOnWire(): Promise<number> {
  const { stdout } = await run('ip', [
    '-n',
    `${world.sensor.site.prefix}-lab-switch`,
    '-s',
    '-j',
    'link',
    'show',
    'dev',
    'span0',
  ]);
  const [link] = JSON.parse(stdout) as { stats64: { rx: { packets: number } } }[];
  return link?.stats64.rx.packets ?? NaN;
}

test('ABUSE 25: root inside the running capture engine turns its forwarding round: nothing leaves the monitor interface', async () => {
  const turned = await inNetwork(
    'capture-engine',
    [
      'ip link set in0 arp on addrgenmode eui64',
      'sysctl -qw net.ipv6.conf.in0.disable_ipv6=0',
      'ip link set in0 down; ip link set in0 up',
      'ip address add 203.0.113.99/24 dev in0',
      'tc qdisc replace dev in0 clsact',
      'tc filter add dev in0 ingress pref 1 protocol all u32 match u32 0 0 action mirred egress redirect dev in0',
      'ip address show dev in0',
    ].join('; '),
  );
  expect(turned.stderr).toBe('');
  await world.lab.attack('port-scan');
  await sleep(3000);
  expect(await framesOnWire()).toBe(0);
  const { monitors } = await world.sensor.status();
  expect(monitors[0]?.packets.framesSent).toBe(0);
  await world.sensor.client.restart('capture-engine');
  await world.sensor.healthy();
  await attackUntilSeen(world, 'path-traversal');
  expect(await framesOnWire()).toBe(0);
});

test('ABUSE 24: a guard rule that is deleted under the running sensor: link down first, an event, then all as it was', async () => {
  const { site } = world.sensor;
  const hostEnd = linkName(site, 'm', 'suricata/mon0');
  const since = new Date().toISOString();
  await run('nft', ['delete', 'table', 'netdev', tableName(site, hostEnd.slice(site.prefix.length))]);
  const lost = await world.sensor.event(
    'monitor.lost',
    { instrument: 'platform', type: 'monitor.lost', since },
    ({ record }) => record['device'] === hostEnd,
  );
  expect(JSON.stringify(lost.record['faults'])).not.toBe('[]');
  await waitFor('the instrument on a guarded link', 60_000, async () => {
    const { stdout } = await run('nft', ['list', 'tables']);
    return stdout.includes(hostEnd.slice(site.prefix.length).replaceAll('-', '_')) ? true : undefined;
  });
  await world.sensor.healthy();
  await attackUntilSeen(world, 'shellshock');
  expect(await framesOnWire()).toBe(0);
});

test('ABUSE 105: sensord comes back to a machine without its rules and fan-out: it puts them back before it carries on', async () => {
  const { site } = world.sensor;
  await world.sensor.endSensord('SIGKILL');
  const { stdout } = await run('nft', ['list', 'tables']);
  const ours = stdout.split('\n').filter((line) => line.startsWith(`table netdev ${site.prefix}_`));
  expect(ours.length).toBeGreaterThanOrEqual(4);
  for (const line of ours) await run('nft', ['delete', 'table', 'netdev', line.split(' ')[2] ?? '']);
  await run('ip', ['link', 'set', 'dev', linkName(site, 'o', 'mon'), 'xdpgeneric', 'off']);
  await world.sensor.startSensord();
  await world.sensor.healthy();
  const after = (await run('nft', ['list', 'tables'])).stdout;
  expect(ours.filter((line) => !after.includes(line.trim()))).toEqual([]);
  await attackUntilSeen(world, 'web-shell');
  expect(await framesOnWire()).toBe(0);
});

test('ABUSE 26: nothing of the sensor listens on an address that a network could reach', async () => {
  const listening = async (command: readonly string[]) => {
    const { stdout } = await run(command[0] ?? '', command.slice(1));
    return stdout
      .split('\n')
      .slice(1)
      .filter((line) => line !== '');
  };
  const port = `:${String(world.sensor.site.natsPort)}`;
  const host = (await listening(['ss', '-Hltn'])).filter((line) => line.includes(port));
  expect(host.every((line) => line.includes(`127.0.0.1${port}`))).toBe(true);
  for (const instrument of ['capture-engine', 'suricata']) {
    const { stdout } = await inNetwork(instrument, 'cat /proc/self/net/tcp /proc/self/net/udp');
    const sockets = stdout.split('\n').filter((line) => /^\s*\d+:/.test(line));
    const local = sockets.map((line) => line.trim().split(/\s+/)[1] ?? '');
    expect(local.filter((address) => !address.startsWith('0100007F:'))).toEqual([]);
  }
});
