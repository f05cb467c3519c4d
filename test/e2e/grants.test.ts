import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { connect, nkeyAuthenticator } from '@nats-io/transport-node';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { GrantChangeResult, GrantsMatrix, GrantsReport } from '@bulkhead/platform/contracts';
import { run, sitePaths, waitFor } from '@bulkhead/platform/kernel';
import { startLabSensor, type LabSensor } from '../support/lab-sensor.ts';

const BULKHEAD = fileURLToPath(new URL('../../build/bulkhead.mjs', import.meta.url));
const ALERTS = 'read:suricata/alert';

let world: LabSensor;

beforeAll(async () => {
  world = await startLabSensor('b6g');
}, 240_000);

afterAll(async () => {
  await world.remove();
}, 120_000);

/** The command as an operator runs it. */
async function bulkhead(...args: string[]) {
  const socket = sitePaths(world.sensor.site).sensordSocket;
  return run(process.execPath, [BULKHEAD, '--socket', socket, ...args], {
    allowFailure: true,
    timeoutMs: 180_000,
  });
}

async function json<T>(...args: string[]): Promise<T> {
  return JSON.parse((await bulkhead('--json', ...args)).stdout) as T;
}

async function processes(): Promise<Record<string, number | undefined>> {
  const { instruments } = await world.sensor.status();
  return Object.fromEntries(instruments.map(({ name, pid }) => [name, pid]));
}

/** The right as `grants show` has it. */
async function entry(instrument: string, right: string) {
  const { instruments } = await json<GrantsReport>('grants', 'show', instrument);
  return instruments[0]?.rights.find((one) => one.right === right);
}

/** Whoever took over passive DNS: its key, on a connection of his own beside the instrument's. */
async function intruder() {
  const { site } = world.sensor;
  const keyFile = join(sitePaths(site).instrumentRunDir('passive-dns'), 'bus.nk');
  return connect({
    servers: `127.0.0.1:${String(site.natsPort)}`,
    authenticator: nkeyAuthenticator(Buffer.from((await readFile(keyFile, 'utf8')).trim())),
    inboxPrefix: '_INBOX.passive-dns',
    reconnect: false,
  });
}

async function alerts(): Promise<number> {
  return (await world.sensor.stored({ instrument: 'suricata', type: 'alert' })).length;
}

/** Alerts that passive DNS has read. */
async function alertsSeen(): Promise<number> {
  const { instruments } = await world.sensor.status();
  return instruments.find(({ name }) => name === 'passive-dns')?.counters['alerts.seen'] ?? 0;
}

test('show says in words who may do what, since when and by whom; the matrix who may talk to whom', async () => {
  const { stdout, exitCode } = await bulkhead('grants', 'show');
  expect(exitCode).toBe(0);
  expect(stdout).toContain('passive-dns may read the alert events of suricata');
  expect(stdout).toMatch(/read:suricata\/alert, by file, \S+, revision 1: read from /);
  expect(stdout).toMatch(/suricata may publish alert, .*dns.* events/);
  expect(stdout).toContain('capture-engine may set up links and rules inside its own network (net_admin)');
  const matrix = await bulkhead('grants', 'matrix');
  expect(matrix.stdout).toMatch(/^suricata +passive-dns +events +alert$/m);
  const { edges } = await json<GrantsMatrix>('grants', 'matrix');
  expect(edges).toContainEqual({ from: 'suricata', to: 'passive-dns', kind: 'events', what: 'alert' });
  expect(edges.filter(({ from }) => from === 'passive-dns')).toEqual([]);
});

test('ABUSE 33: revoked by `bulkhead grants revoke`, an outstanding pull gets nothing more; nobody else notices', async () => {
  const before = await processes();
  const stolen = await intruder();
  const codes: number[] = [];
  const bodies: string[] = [];
  stolen.subscribe('_INBOX.passive-dns.theft', {
    callback: (_, message) => {
      if (message.headers?.code) codes.push(message.headers.code);
      else bodies.push(message.string());
    },
  });
  const pull = () => {
    const subject = '$JS.platform.API.CONSUMER.MSG.NEXT.S_suricata.passive-dns__alert';
    const request = { batch: 10, expires: 20_000_000_000, idle_heartbeat: 500_000_000 };
    stolen.publish(subject, JSON.stringify(request), { reply: '_INBOX.passive-dns.theft' });
  };
  pull();
  await waitFor('the pull to stand', 15_000, () => codes.includes(100));

  const result = await json<GrantChangeResult>(
    ...['grants', 'revoke', 'passive-dns', ALERTS, '--reason', 'it was taken over', '--author', 'ada'],
  );
  expect(result).toMatchObject({ changed: true, revision: 2, rights: [ALERTS] });
  expect(result.endedAfterMs).toBeLessThan(1_000);
  await waitFor('the pull to end', 5_000, () => codes.includes(409));
  bodies.length = 0;
  pull();
  const stored = await alerts();
  await world.lab.attack('sql-injection');
  await waitFor('the next alerts to be stored', 30_000, async () => (await alerts()) > stored, {
    intervalMs: 250,
  });
  expect(bodies).toEqual([]);
  expect(await processes()).toEqual(before);
  await stolen.close();

  expect(await entry('passive-dns', ALERTS)).toEqual({
    right: ALERTS,
    words: 'passive-dns asks to read the alert events of suricata',
    state: 'asked',
  });
  const shown = (await bulkhead('grants', 'show', 'passive-dns')).stdout;
  expect(shown).toContain(`bulkhead grants give passive-dns ${ALERTS}`);
  expect((await bulkhead('config', 'history')).stdout).toContain('it was taken over');
  // What the instrument sees of its rights was replaced below its feet.
  const file = join(sitePaths(world.sensor.site).instrumentRunDir('passive-dns'), 'instrument.json');
  expect(await readFile(file, 'utf8')).not.toContain('passive-dns__alert');
});

test('given again it is used at once, without a restart; who gave it is remembered', async () => {
  const before = await processes();
  const given = await bulkhead(
    'grants',
    'give',
    'passive-dns',
    ALERTS,
    '--author',
    'eve',
    '--reason',
    'clean',
  );
  expect(given.stderr).toBe('');
  expect(given.stdout).toContain(`given: ${ALERTS}\nin force now\nrevision 3 is in force`);
  expect(await entry('passive-dns', ALERTS)).toMatchObject({
    state: 'granted',
    since: { revision: 3, author: 'eve', reason: 'clean' },
  });
  expect(await entry('passive-dns', 'read:suricata/dns')).toMatchObject({ since: { revision: 1 } });
  await world.sensor.healthy();
  const seen = await alertsSeen();
  await world.lab.attack('path-traversal');
  await waitFor('passive DNS to read alerts again', 60_000, async () => (await alertsSeen()) > seen, {
    intervalMs: 500,
  });
  expect(await processes()).toEqual(before);
  const again = await bulkhead('grants', 'give', 'passive-dns', ALERTS);
  expect(again.stdout).toContain('nothing to do: revision 3 stays');
});

test('a rollback of the configuration takes what was given since', async () => {
  const before = await processes();
  expect((await bulkhead('config', 'rollback', '2')).stdout).toBe('revision 4 is in force\n');
  expect((await entry('passive-dns', ALERTS))?.state).toBe('asked');
  expect(await processes()).toEqual(before);
  expect((await bulkhead('config', 'rollback', '--last')).exitCode).toBe(0);
  expect(await entry('passive-dns', ALERTS)).toMatchObject({ state: 'granted', since: { revision: 5 } });
});

test('what is not a right, not asked for or not there is refused, and nothing changes', async () => {
  for (const [args, code, exit] of [
    [['give', 'passive-dns', 'everything'], 'SENSORD_RIGHT_INVALID', 1],
    [['give', 'passive-dns', 'publish:alert'], 'SENSORD_RIGHT_NOT_ASKED', 1],
    [['give', 'nobody', 'fetch'], 'SENSORD_INSTRUMENT_UNKNOWN', 4],
    [['show', 'nobody'], 'SENSORD_INSTRUMENT_UNKNOWN', 4],
    [['revoke', 'passive-dns'], 'CLI_USAGE', 2],
    [['revoke', 'passive-dns', ALERTS, '--all'], 'CLI_USAGE', 2],
  ] as const) {
    const { stderr, exitCode } = await bulkhead('grants', ...args);
    expect(stderr).toContain(code);
    expect(exitCode).toBe(exit);
  }
  expect((await bulkhead('grants', 'give', 'passive-dns', 'publish:alert')).stderr).toContain(
    'publish:alert.names',
  );
});
