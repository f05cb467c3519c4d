import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ActiveReport } from '@bulkhead/platform/contracts';
import { run, waitFor } from '@bulkhead/platform/kernel';
import { startTestSensor, type TestSensor } from '../../support/sensor.ts';
import { ActiveRig, OUTSIDE } from './active-fixture.ts';
import { writeAsker } from './active-app.ts';

/** A DNS server on this address of the loopback network, which nobody else uses. */
const DNS = '127.77.0.53';

let rig: ActiveRig;
let sensor: TestSensor | undefined;
let dir: string;
let servers: ChildProcess[] = [];

beforeEach(async () => {
  rig = await ActiveRig.open('b63');
  await rig.useBridge();
  dir = await mkdtemp(join(tmpdir(), 'bulkhead-b63-'));
  await writeAsker(join(dir, 'apps'));
});
afterEach(async () => {
  for (const child of servers) child.kill('SIGKILL');
  servers = [];
  try {
    await sensor?.remove();
  } finally {
    sensor = undefined;
    await rig.close();
    await rm(dir, { recursive: true, force: true });
  }
});

/** Names and, in the network outside, addresses. */
function serve(): void {
  const common = [
    '--keep-in-foreground',
    '--conf-file=/dev/null',
    '--pid-file=',
    '--user=root',
    '--no-resolv',
    '--no-hosts',
  ];
  const names = [
    `--host-record=www.site.example,${OUTSIDE.web}`,
    `--host-record=www.site.example,${OUTSIDE.neighbour}`,
    `--host-record=meta.site.example,${OUTSIDE.metadata}`,
  ];
  servers.push(
    spawn(
      'dnsmasq',
      [
        ...common,
        '--bind-interfaces',
        '--except-interface=lo',
        `--listen-address=${DNS}`,
        ...names,
        '--local=/example/',
      ],
      { stdio: 'ignore' },
    ),
    spawn(
      'ip',
      [
        'netns',
        'exec',
        rig.namespace('lan'),
        'dnsmasq',
        ...common,
        '--port=0',
        '--interface=far0',
        '--dhcp-range=10.77.0.100,10.77.0.110,2m',
        `--dhcp-option=3,${OUTSIDE.gateway}`,
        `--dhcp-leasefile=${join(dir, 'leases')}`,
      ],
      { stdio: 'ignore' },
    ),
  );
}

function config(egress: readonly object[], others: readonly object[] = []) {
  return {
    version: 1,
    sensor: { name: 'lab' },
    detectionCheck: { enabled: false },
    dns: { servers: [DNS] },
    activeInterfaces: [{ name: 'out', kind: 'bridged', device: rig.bridge }],
    instruments: [
      {
        name: 'asker',
        package: 'asker',
        active: { net0: { interface: 'out', address: '10.77.0.10/24', gateway: OUTSIDE.gateway } },
        options: { names: ['www.site.example', 'meta.site.example', 'other.example'] },
        grants: { publish: ['name.resolved'], egress },
      },
      ...others,
    ],
  };
}

/** What a server outside says to a connection from inside the container of an instrument. */
async function connect(instrument: string, address: string, patience: number): Promise<string | undefined> {
  const pid = (await sensor?.status())?.instruments.find(({ name }) => name === instrument)?.pid;
  if (pid === undefined) throw new Error(`${instrument} does not run`);
  const script = `exec 3<>/dev/tcp/${address}/443 && head -n1 <&3`;
  const { exitCode, stdout } = await run(
    'nsenter',
    ['-t', String(pid), '-n', 'timeout', String(patience / 1000), 'bash', '-c', script],
    { allowFailure: true },
  );
  return exitCode === 0 ? stdout.trim() : undefined;
}

async function report(instrument: string) {
  const { ports } = (await sensor?.client.get('/active')) as ActiveReport;
  return ports.find((port) => port.instrument === instrument);
}

const SITE = { to: 'www.site.example', ports: [443] };

test('an instrument gets its address, its names and its destinations; a grant that is taken away is gone at once, without a restart', async () => {
  serve();
  sensor = await startTestSensor(
    'b64',
    config([SITE, { to: 'meta.site.example', ports: [443] }]),
    join(dir, 'apps'),
  );
  const before = (await sensor.healthy()).instruments[0]?.pid;
  const told = async (name: string): Promise<unknown> =>
    (
      await sensor?.event(
        `an answer about ${name}`,
        { type: 'name.resolved' },
        ({ record }) => record['name'] === name && record['told'] !== 'BUS_NO_RESPONDER',
      )
    )?.record['told'];
  expect(await told('www.site.example')).toBe(OUTSIDE.web);
  expect(await told('meta.site.example')).toBe('NETWORK_NAME_UNRESOLVED');
  expect(await told('other.example')).toBe('NETWORK_NAME_REFUSED');
  expect(await connect('asker', OUTSIDE.web, 10_000)).toBe(`${OUTSIDE.web} 443`);
  expect(await connect('asker', OUTSIDE.neighbour, 700)).toBeUndefined();
  expect(await connect('asker', OUTSIDE.metadata, 700)).toBeUndefined();
  const refused = await sensor.event(
    'the refusal',
    { type: 'egress.refused' },
    ({ record }) => record['destination'] === OUTSIDE.metadata,
  );
  expect(refused.record).toMatchObject({
    instrument: 'asker',
    interface: 'net0',
    port: 443,
    protocol: 'tcp',
  });

  await sensor.endSensord('SIGKILL');
  expect(await connectWith(before ?? 0, OUTSIDE.web)).toBe(`${OUTSIDE.web} 443`);
  await sensor.startSensord();
  await sensor.healthy();
  expect(await connect('asker', OUTSIDE.web, 10_000)).toBe(`${OUTSIDE.web} 443`);

  await sensor.configure(config([{ to: OUTSIDE.other, ports: [443] }]));
  await sensor.client.reload();
  await waitFor(
    'the new destination',
    10_000,
    async () => (await connect('asker', OUTSIDE.other, 1_000)) !== undefined,
  );
  expect(await connect('asker', OUTSIDE.web, 700)).toBeUndefined();
  const after = await sensor.healthy();
  expect(after.instruments[0]?.pid).toBe(before);
  expect(await report('asker')).toMatchObject({
    up: true,
    faults: [],
    addresses: ['10.77.0.10'],
    destinations: [{ to: OUTSIDE.other }],
  });
}, 240_000);

test('DHCP: the address that a server gave becomes the instrument’s own, and no other', async () => {
  serve();
  const leaser = {
    name: 'leaser',
    package: 'asker',
    active: { net0: { interface: 'out', address: 'dhcp' } },
    grants: { egress: [{ to: OUTSIDE.web, ports: [443] }] },
  };
  sensor = await startTestSensor('b64', { ...config([]), instruments: [leaser] }, join(dir, 'apps'));
  await sensor.healthy();
  const [address] = await waitFor('an address', 30_000, async () => {
    const { addresses = [] } = (await report('leaser')) ?? {};
    return addresses.length > 0 && addresses;
  });
  expect(address).toMatch(/^10\.77\.0\.1\d\d$/);
  await waitFor(
    'the way out',
    15_000,
    async () => (await connect('leaser', OUTSIDE.web, 1_000)) !== undefined,
  );
  const pid = (await sensor.status()).instruments[0]?.pid ?? 0;
  const inside = `address del ${address ?? ''}/24 dev net0
address add 10.77.0.222/24 dev net0
route replace default via ${OUTSIDE.gateway}
`;
  await run('nsenter', ['-t', String(pid), '-n', 'ip', '-batch', '-'], { input: inside });
  expect(await connect('leaser', OUTSIDE.web, 1_500)).toBeUndefined();
  expect((await report('leaser'))?.counts.spoofed.packets).toBeGreaterThan(0);
}, 180_000);

async function connectWith(pid: number, address: string): Promise<string> {
  const script = `exec 3<>/dev/tcp/${address}/443 && head -n1 <&3`;
  const { stdout } = await run('nsenter', ['-t', String(pid), '-n', 'timeout', '10', 'bash', '-c', script]);
  return stdout.trim();
}
