import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { site, sitePaths } from '@bulkhead/platform/kernel';
import type { Finding, HealthCheck, PacketPathFacts } from '@bulkhead/platform/health';
import { aesDrivers } from '../../../platform/health/checks/cipher.ts';
import { idRanges } from '../../../platform/health/checks/id-ranges.ts';
import { CHECKS } from '../../../platform/health/checks/index.ts';
import { lxd } from '../../../platform/health/checks/lxd.ts';
import { natsServer } from '../../../platform/health/checks/nats-server.ts';
import { activeMerging, offloads } from '../../../platform/health/checks/offloads.ts';
import { otherRooms } from '../../../platform/health/checks/other-rooms.ts';
import { packetPath } from '../../../platform/health/checks/packet-path.ts';
import { root } from '../../../platform/health/checks/root.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'bulkhead-health-'));
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(dir, { recursive: true });
});

const signal = new AbortController().signal;
const at = () => site({ cacheDir: dir, stateDir: dir, lxdSocket: join(dir, 'lxd.socket') });
async function findings(check: HealthCheck, parts: object = {}): Promise<Finding[]> {
  const found = await check.run({ site: at(), ...parts }, signal);
  return Array.isArray(found) ? found : [found];
}

test('codes are unique and made of small letters', () => {
  const codes = CHECKS.map(({ code }) => code);
  expect(new Set(codes).size).toBe(codes.length);
  for (const code of codes) expect(code).toMatch(/^[a-z][a-z-]+$/);
});

test('root is told from others', async () => {
  vi.spyOn(process, 'geteuid').mockReturnValue(1000);
  expect(await findings(root)).toMatchObject([{ severity: 'error', hint: 'Run it with sudo.' }]);
  vi.spyOn(process, 'geteuid').mockReturnValue(0);
  expect(await findings(root)).toMatchObject([{ severity: 'ok' }]);
});

test('the drivers of AES are read from /proc/crypto', () => {
  const text = [
    'name         : xts(aes)\ndriver       : xts-aes-aesni\nmodule       : aesni_intel',
    'name         : aes\ndriver       : aes-generic',
    'name         : cbc(aes)\ndriver       : cbc-aes-aesni',
    'name         : aes\ndriver       : aes-generic',
  ].join('\n\n');
  expect(aesDrivers(text)).toEqual(['xts-aes-aesni', 'aes-generic']);
  expect(aesDrivers('')).toEqual([]);
});

test('offloads that merge are found in what ethtool says', async () => {
  const text =
    'Features for eth0:\nrx-checksumming: on\ngeneric-receive-offload: on\nlarge-receive-offload: off [fixed]\nrx-gro-hw: on [fixed]\n';
  expect(activeMerging(text)).toEqual(['generic-receive-offload', 'rx-gro-hw']);
  expect(await findings(offloads)).toMatchObject([{ severity: 'info' }]);
  expect(await findings(offloads, { monitorDevices: ['bs1none'] })).toMatchObject([{ severity: 'error' }]);
});

const working: PacketPathFacts = {
  veth: undefined,
  nftIngress: undefined,
  nftEgress: undefined,
  nftActive: undefined,
  bridge: undefined,
  vlan: undefined,
  tcMirred: undefined,
  bpffs: undefined,
  xdpFanout: undefined,
};

test('each part of the packet path that does not work is an error that says what is lost', async () => {
  expect(await findings(packetPath, { probePacketPath: async () => Promise.resolve(working) })).toMatchObject(
    [{ severity: 'ok' }],
  );
  const broken = { ...working, nftEgress: 'KERNEL_COMMAND_FAILED: Operation not supported' };
  const found = await findings(packetPath, { probePacketPath: async () => Promise.resolve(broken) });
  expect(found).toMatchObject([{ severity: 'error', title: 'nftables at egress' }]);
  expect(found[0]?.text).toMatch(/could transmit/);
});

test('a kernel without VLANs is good for everything else, and that is said', async () => {
  const facts = { ...working, vlan: 'KERNEL_COMMAND_FAILED: Unknown device type.' };
  expect(await findings(packetPath, { probePacketPath: async () => Promise.resolve(facts) })).toMatchObject([
    { severity: 'ok' },
    { severity: 'info', title: 'VLANs' },
  ]);
});

test('before the tools are installed the packet path is judged by how the kernel is built', async () => {
  const facts = { ...working, xdpFanout: 'KERNEL_COMMAND_MISSING: The program bpftool is not installed.' };
  for (const found of await findings(packetPath, { probePacketPath: async () => Promise.resolve(facts) })) {
    expect(found.text).not.toMatch(/Does not work/);
  }
  expect((await findings(packetPath)).length).toBeGreaterThan(0);
});

test('id collisions are an error with the first few in words', async () => {
  const many = Array.from({ length: 7 }, (_, i) => `a${String(i)} overlaps b`);
  const [found] = await findings(idRanges, { idCollisions: async () => Promise.resolve(many) });
  expect(found).toMatchObject({ severity: 'error' });
  expect(found?.text).toMatch(/a4 overlaps b; and 2 more/);
  expect(await findings(idRanges, { idCollisions: async () => Promise.resolve([]) })).toMatchObject([
    { severity: 'ok' },
  ]);
  expect(await findings(idRanges)).toMatchObject([{ severity: 'info' }]);
});

test('findings of other rooms are shown with their own titles', async () => {
  const more = async () =>
    Promise.resolve([
      { code: 'STORAGE_OVERCOMMIT', title: 'Volumes', severity: 'warning', text: 'Many.', hint: 'Less.' },
    ]);
  expect(await findings(otherRooms, { more })).toEqual([
    { title: 'Volumes', severity: 'warning', text: 'Many.', hint: 'Less.' },
  ]);
  expect(await findings(otherRooms)).toEqual([]);
});

test.each([
  ['nats-server: v2.9.10', 'error'],
  ['nats-server: v2.11.99', 'error'],
  ['nats-server: v2.12.0', 'ok'],
  ['nats-server: v2.15.1-RC.2', 'ok'],
  ['nats-server: v3.0.0', 'ok'],
  ['what?', 'error'],
])('%s is judged %s', async (line, severity) => {
  const program = sitePaths(at()).natsServer;
  await mkdir(dirname(program), { recursive: true });
  await writeFile(program, `#!/bin/sh\necho '${line}'\n`);
  await chmod(program, 0o755);
  expect(await findings(natsServer)).toMatchObject([{ severity }]);
});

test('an LXD that answers garbage, hangs up or is not there is told', async () => {
  expect((await findings(lxd))[0]?.severity).not.toBe('ok');
  const server = createServer((_, answer) => answer.end('<html>'));
  await new Promise<void>((resolve) => server.listen(join(dir, 'lxd.socket'), resolve));
  try {
    expect(await findings(lxd)).toMatchObject([{ severity: 'warning' }]);
  } finally {
    server.close();
  }
});
