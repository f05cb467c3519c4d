import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openLxd } from '@bulkhead/node-lxd';
import type { PassiveDnsRecord } from '@bulkhead/platform/contracts';
import { run, sitePaths, waitFor } from '@bulkhead/platform/kernel';
import { ADDRESSES, HOSTS } from '../../scripts/src/lab/layout.ts';
import { startLabSensor, type LabSensor } from '../support/lab-sensor.ts';
import { killNow } from '../support/kill.ts';

const BULKHEAD = fileURLToPath(new URL('../../build/bulkhead.mjs', import.meta.url));
let world: LabSensor;

beforeAll(async () => {
  world = await startLabSensor('b1');
}, 240_000);

afterAll(async () => {
  await world.remove();
}, 120_000);

/** PIDs of the containers' first processes, by instrument. */
async function pids(): Promise<Record<string, number | undefined>> {
  const { instruments } = await world.sensor.status();
  return Object.fromEntries(instruments.map(({ name, pid }) => [name, pid]));
}

/** PID of the sensor's nats-server. */
async function natsPid(): Promise<number> {
  const { stdout } = await run('pgrep', ['-f', `nats-server.*${world.sensor.site.runDir}/`]);
  return Number(stdout.trim().split('\n').at(-1));
}

describe('a sensor on live traffic', () => {
  test('a real packet of an attack becomes a durable alert out of a sealed container', async () => {
    await world.lab.attack('path-traversal');
    const alert = await world.sensor.event('alert', { type: 'alert' }, ({ record }) =>
      JSON.stringify(record).includes('passwd'),
    );
    expect(alert.instrument).toBe('suricata');
    expect(alert.record).toMatchObject({ event_type: 'alert', proto: 'TCP', dest_port: 80 });
  });

  test('the detection check comes back, is stored, and is not counted as an alert', async () => {
    const check = await world.sensor.event('check', { type: 'check' }, () => true);
    expect(check.record['nonce']).toMatch(/^[0-9a-f]{32}$/);
    const alerts = await world.sensor.stored({ type: 'alert' });
    expect(alerts.filter(({ record }) => JSON.stringify(record).includes('2999001'))).toEqual([]);
    const status = await world.sensor.status();
    expect(status.monitors[0]?.check.state).toBe('ok');
  });

  test('every packet is accounted for: none lost, none sent', async () => {
    await world.lab.attack('port-scan');
    const { monitors } = await world.sensor.status();
    const packets = monitors[0]?.packets;
    expect(packets?.received).toBeGreaterThan(20);
    expect(packets).toMatchObject({ lost: 0, lostWhere: [], framesSent: 0 });
    expect(packets?.cloned).toBeGreaterThan(20);
  });
});

describe('passive DNS', () => {
  /** Records as `bulkhead dns lookup --json` prints them. */
  const lookUp = async (query: string) => {
    const socket = sitePaths(world.sensor.site).sensordSocket;
    const { stdout } = await run(
      process.execPath,
      [BULKHEAD, '--socket', socket, '--json', 'dns', 'lookup', query],
      { timeoutMs: 20_000 },
    );
    return stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as PassiveDnsRecord);
  };

  test('what was looked up is found by name, below a domain, and by address', async () => {
    await world.lab.attack('dns-bad-name');
    const name = HOSTS.commandAndControl;
    const [byName] = await waitFor('the name', 60_000, async () => {
      const found = await lookUp(name);
      return found.length > 0 ? found : undefined;
    });
    expect(byName).toMatchObject({ rrname: name, rrtype: 'A', rdata: ADDRESSES.outside.ip4 });
    expect(byName?.time_last).toBeGreaterThan(Date.now() / 1000 - 600);
    expect((await lookUp('*.malware-beacon.example')).map(({ rrname }) => rrname)).toContain(name);
    expect((await lookUp(ADDRESSES.outside.ip4)).map(({ rrname }) => rrname)).toContain(name);
    expect(await lookUp('never-asked.example')).toEqual([]);
  });

  test('an alert is followed by an event that cites it and names its addresses', async () => {
    await world.lab.attack('path-traversal');
    const named = await world.sensor.event('alert.names', { type: 'alert.names' }, ({ record }) =>
      JSON.stringify(record).includes(HOSTS.commandAndControl),
    );
    expect(named.instrument).toBe('passive-dns');
    const alerts = await world.sensor.stored({ type: 'alert' });
    expect(alerts.map(({ id }) => id)).toContain(named.record['cites']);
  });
});

describe('whoever restarts, what stands is adopted', () => {
  test.each(['SIGTERM', 'SIGKILL'] as const)(
    'sensord ended by %s: same containers, unbroken counters',
    async (signal) => {
      const before = await pids();
      const counted = (await world.sensor.status()).monitors[0]?.packets.received ?? 0;
      await world.sensor.endSensord(signal);
      await world.lab.attack('dns-bad-name'); // seen while nobody supervises
      await world.sensor.startSensord();
      await world.sensor.healthy();
      expect(await pids()).toEqual(before);
      const after = (await world.sensor.status()).monitors[0]?.packets;
      expect(after?.received).toBeGreaterThan(counted);
      expect(after).toMatchObject({ lost: 0, lostWhere: [], framesSent: 0 });
      const seen = await world.sensor.event('DNS record', { type: 'dns' }, ({ record }) =>
        JSON.stringify(record).includes('malware-beacon'),
      );
      expect(seen.instrument).toBe('suricata');
    },
  );

  test('nats-server killed: restarted, what was acknowledged is there, alerts go on', async () => {
    await world.lab.attack('log4shell');
    await world.sensor.event('alert', { type: 'alert' }, ({ record }) =>
      JSON.stringify(record).includes('Log4Shell'),
    );
    const before = await world.sensor.stored({ type: 'alert' });
    const old = await natsPid();
    process.kill(old, 'SIGKILL');
    await waitFor('another nats-server', 30_000, async () => {
      const { bus } = await world.sensor.status();
      return bus.up && bus.restarts > 0;
    });
    expect(await natsPid()).not.toBe(old);
    const mark = new Date().toISOString();
    await world.lab.attack('shellshock');
    await world.sensor.event('alert after the restart', { type: 'alert', since: mark }, () => true);
    const after = new Set((await world.sensor.stored({ type: 'alert' })).map(({ id }) => id));
    expect(before.filter(({ id }) => !after.has(id))).toEqual([]);
    await world.sensor.healthy();
  });
});

describe('an instrument in trouble', () => {
  test('one that is killed is told about, restarted, and sees again', async () => {
    const before = await pids();
    const mark = new Date().toISOString();
    killNow(before['suricata']);
    await world.sensor.event(
      'instrument.failed',
      { instrument: 'platform', type: 'instrument.failed', since: mark },
      ({ record }) => record['instrument'] === 'suricata',
    );
    await waitFor(
      'another container process',
      60_000,
      async () => (await pids())['suricata'] !== before['suricata'],
    );
    await world.sensor.healthy();
    expect((await pids())['capture-engine']).toBe(before['capture-engine']);
    const restarted = new Date().toISOString();
    await world.lab.attack('eicar-download');
    await world.sensor.event('alert after the restart', { type: 'alert', since: restarted }, () => true);
  });

  test('ABUSE 19: one that is edited behind the back of the sensor is stopped, told about, and made anew as configured', async () => {
    const mark = new Date().toISOString();
    const lxd = (await openLxd()).project(world.sensor.site.lxdProject);
    await lxd.instances.patch('b1-suricata', { config: { 'limits.processes': '4999' } });
    const drift = await world.sensor.event(
      'instrument.drift',
      { instrument: 'platform', type: 'instrument.drift', since: mark },
      () => true,
    );
    expect(JSON.stringify(drift.record)).toContain('limits.processes');
    await waitFor('the container as it was configured', 60_000, async () => {
      const found = await lxd.instances.get('b1-suricata').catch(() => undefined);
      return found !== undefined && found.config['limits.processes'] !== '4999';
    });
    await world.sensor.healthy();
    await lxd.close();
  });
});

describe('configuration', () => {
  test('a malformed one is refused with the place; what is in force goes on and is what is shown', async () => {
    const before = await world.sensor.status();
    await world.sensor.configure({ ...world.config, surprise: true });
    await expect(world.sensor.client.reload()).rejects.toMatchObject({
      code: 'SENSORD_CONFIG_INVALID',
      fields: { pointer: '/surprise' },
    });
    const after = await world.sensor.status();
    expect(after.config.digest).toBe(before.config.digest);
    expect(after.config.lastError).toContain('/surprise');
    expect(after.attention.join()).toContain('refused');
    await world.sensor.configure(world.config);
    await world.sensor.client.reload();
    expect((await world.sensor.status()).config.lastError).toBeUndefined();
  });

  test('an instrument that cannot be had blocks no other and blinds nobody', async () => {
    const running = await pids();
    const broken = { name: 'ghost', package: 'ghost' };
    await world.sensor.configure({ ...world.config, instruments: [...world.config.instruments, broken] });
    await world.sensor.client.reload();
    const { instruments, attention } = await world.sensor.status();
    expect(instruments.find(({ name }) => name === 'ghost')?.state).toBe('invalid');
    expect(attention.join()).toContain('ghost');
    expect(await pids()).toMatchObject({ suricata: running['suricata'] });
    await world.sensor.configure(world.config);
    await world.sensor.client.reload();
    await sleep(100);
    expect(await pids()).toEqual(running);
  });
});
