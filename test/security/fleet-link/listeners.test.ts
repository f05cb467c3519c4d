import { readdir, readFile, readlink } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { run, waitFor } from '@bulkhead/platform/kernel';
import { openFleetBench } from '../../support/fleet-link/fleet-bench.ts';
import { openTestSensor } from '../../support/fleet-link/test-sensor.ts';
import { uplinkFeatureOn } from '../../support/fleet/uplink-feature.ts';
import { UPLINK_MODEL } from '../../support/fleet/uplink-bench.ts';
import { openBusBench } from '../../support/nats.ts';

/** A bridge of the sensor's machine that has an address, and who stands behind it. */
const [BRIDGE, LAN, NEAR, FAR] = ['b15br', 'b15-lan', 'b15a', 'b15b'];
const HOST_ADDRESS = '198.51.100.221';

test('ABUSE 115: a sensor in a fleet listens on loopback and on files only, while its pages are open: a bridge with an address leads to nothing', async () => {
  await makeLan();
  const fleet = await openFleetBench();
  const sensor = await openTestSensor();
  const bench = await openBusBench('be5');
  await bench.bus.ensure(UPLINK_MODEL);
  let id: string | undefined;
  const { feature } = uplinkFeatureOn(bench, {
    sensorId: () => id,
    up: () => sensor.link.up,
    watch: () => () => undefined,
    openUplink: (key) => sensor.link.openUplink(key),
  });
  try {
    await sensor.link.join({ token: fleet.token() });
    await sensor.up();
    id = (await sensor.membership())['sensor'] ?? '';
    // Everything that a fleet makes a sensor open: its page for a person, and its way for events.
    const tunnel = await fleet.link.links.openTunnel(
      id,
      { instrumentUi: 'rule-manager' },
      { user: 'ann', roles: ['viewer'] },
    );
    tunnel.on('error', () => undefined);
    let text = '';
    tunnel.on('data', (part: Buffer) => (text += part.toString('latin1')));
    tunnel.write('GET /rules HTTP/1.1\r\nhost: page\r\n\r\n');
    await waitFor('the page', 20_000, () => text.includes('page of page /rules'));
    await feature.start();
    await waitFor('the uplink', 20_000, () => fleet.uplinks.length > 0);

    // Of this process, in which the sensor's own end runs, and of its bus.
    const listening = [...(await listeners(process.pid)), ...(await listeners(bench.bus.serverPid() ?? 0))];
    expect(listening.length).toBeGreaterThan(2);
    expect(listening.filter(({ address }) => !isLoopback(address))).toEqual([]);

    // Somebody on the LAN sees the machine, and finds none of it.
    const ping = ['netns', 'exec', LAN, 'ping', '-c', '1', '-W', '1', HOST_ADDRESS];
    await waitFor(
      'the bridge',
      20_000,
      async () => (await run('ip', ping, { allowFailure: true })).exitCode === 0,
    );
    const ports = [...new Set(listening.map(({ port }) => port))];
    expect(await fromLan(ports)).toEqual(ports.map((port) => [port, 'ECONNREFUSED']));
    tunnel.destroy();
  } finally {
    await feature.stop();
    await bench.dispose();
    await sensor.dispose();
    await fleet.dispose();
    await run('ip', ['link', 'del', BRIDGE], { allowFailure: true });
    await run('ip', ['netns', 'del', LAN], { allowFailure: true });
  }
});

async function makeLan(): Promise<void> {
  const ip = (...words: string[]) => run('ip', words);
  await ip('link', 'add', BRIDGE, 'type', 'bridge');
  await ip('addr', 'add', `${HOST_ADDRESS}/30`, 'dev', BRIDGE);
  await ip('netns', 'add', LAN);
  await ip('link', 'add', NEAR, 'type', 'veth', 'peer', 'name', FAR, 'netns', LAN);
  await ip('link', 'set', NEAR, 'master', BRIDGE, 'up');
  await ip('link', 'set', BRIDGE, 'up');
  await ip('-n', LAN, 'addr', 'add', '198.51.100.222/30', 'dev', FAR);
  await ip('-n', LAN, 'link', 'set', FAR, 'up');
}

interface Listener {
  /** As the kernel writes it: hexadecimal, in the machine's order of bytes. */
  address: string;
  port: number;
}

/** TCP sockets on which a process listens, of both families. */
async function listeners(pid: number): Promise<Listener[]> {
  const fds = await readdir(`/proc/${String(pid)}/fd`);
  const links = await Promise.all(fds.map((fd) => readlink(`/proc/${String(pid)}/fd/${fd}`).catch(() => '')));
  const own = new Set(links.flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []));
  const found: Listener[] = [];
  for (const family of ['tcp', 'tcp6']) {
    const table = await readFile(`/proc/${String(pid)}/net/${family}`, 'utf8');
    for (const line of table.split('\n').slice(1)) {
      const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/);
      // 0A is LISTEN.
      if (state !== '0A' || !own.has(inode)) continue;
      const [address = '', port = '0'] = local.split(':');
      found.push({ address, port: Number.parseInt(port, 16) });
    }
  }
  return found;
}

/** 127.0.0.1 or ::1, on a machine with the low byte first. */
function isLoopback(address: string): boolean {
  return address === '0100007F' || address === '00000000000000000000000001000000';
}

/** What somebody on the LAN gets who tries each port of the machine's address on the bridge. */
async function fromLan(ports: readonly number[]): Promise<[number, string][]> {
  const code = `
    const { connect } = require('net');
    const ports = ${JSON.stringify(ports)};
    Promise.all(ports.map((port) => new Promise((resolve) => {
      connect({ host: '${HOST_ADDRESS}', port, timeout: 5000 })
        .on('connect', () => resolve([port, 'connected']))
        .on('timeout', () => resolve([port, 'timeout']))
        .on('error', (error) => resolve([port, error.code]));
    }))).then((all) => { console.log(JSON.stringify(all)); process.exit(); });`;
  const { stdout } = await run('ip', ['netns', 'exec', LAN, process.execPath, '-e', code]);
  return JSON.parse(stdout) as [number, string][];
}
