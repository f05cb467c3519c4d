import { createServer, type Socket } from 'node:net';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { waitFor } from '@bulkhead/platform/kernel';
import { BUS_UID } from '../../../platform/bus/server-process.ts';
import { busInstrument, busModel, openBusBench, type BusBench } from '../../support/nats.ts';
import { killNow } from '../../support/kill.ts';

const model = busModel([busInstrument('suricata', { publish: ['alert'] })]);
let bench: BusBench;
beforeEach(async () => {
  bench = await openBusBench();
});
afterEach(async () => {
  await bench.dispose();
});

test('a port that is taken, by somebody who says nothing: BUS_START_FAILED with the end of the log', async () => {
  const other = await occupyPort();
  try {
    await expect(bench.bus.ensure(model)).rejects.toMatchObject({
      code: 'BUS_START_FAILED',
      message: expect.stringMatching(/address already in use/) as string,
    });
  } finally {
    await other.release();
  }
});

test('no program: BUS_CONFIG_REFUSED or BUS_START_FAILED, not a hang', async () => {
  const { openBus } = await import('@bulkhead/platform/bus');
  const { openLog } = await import('@bulkhead/platform/kernel');
  const bus = openBus({
    site: bench.site,
    log: openLog('bus', 'silent'),
    secret: bench.secret,
    natsServer: '/nonexistent/nats-server',
  });
  await expect(bus.ensure(model)).rejects.toMatchObject({
    code: 'BUS_CONFIG_REFUSED',
    message: expect.stringContaining('/nonexistent') as string,
  });
  await bus.close();
});

test('the server runs as a user without rights, and its configuration with the key is readable by that user only', async () => {
  await bench.bus.ensure(model);
  const { readFile } = await import('node:fs/promises');
  const status = await readFile(`/proc/${String(bench.bus.serverPid())}/status`, 'utf8');
  expect(status).toMatch(new RegExp(`^Uid:\\s+${String(BUS_UID)}\\s+${String(BUS_UID)}`, 'm'));
  expect(status).toMatch(/^Groups:\s*$/m);
  for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'])
    expect(status).toMatch(new RegExp(`^${set}:\\s+0+$`, 'm'));
  expect(status).toMatch(/^NoNewPrivs:\s+1$/m);
  const config = join(bench.site.runDir, 'bus', 'nats-server.conf');
  const { mode, uid } = await stat(config);
  expect([mode & 0o777, uid]).toEqual([0o600, BUS_UID]);
  const text = await readFile(config, 'utf8');
  const key = bench.secret('bus/store').toString('hex');
  expect(text).toContain(key);
  // The key is in memory-backed storage only, and in no argument and no environment.
  const [commandLine, environment] = await Promise.all(
    ['cmdline', 'environ'].map((file) => readFile(`/proc/${String(bench.bus.serverPid())}/${file}`, 'utf8')),
  );
  expect(`${commandLine ?? ''}${environment ?? ''}`).not.toContain(key);
  expect(await filesHolding(bench.site.stateDir, Buffer.from(key))).toEqual([]);
});

test('nothing that was published lies on the disk in the clear; with encryption off it does', async () => {
  const marker = 'marker-that-must-not-be-seen';
  for (const encrypt of [true, false]) {
    const own = await openBusBench();
    try {
      await own.bus.ensure({ ...model, encrypt });
      const instrument = await own.instrument(model, 'suricata');
      await instrument.publish('alert', { marker });
      await instrument.close();
      expect((await filesHolding(own.site.stateDir, Buffer.from(marker))).length > 0).toBe(!encrypt);
    } finally {
      await own.dispose();
    }
  }
});

test('a server that cannot be started again is tried again until it can', async () => {
  await bench.bus.ensure(model);
  const reasons: string[] = [];
  let restarted = 0;
  bench.bus.onDown((reason) => reasons.push(reason));
  bench.bus.onRestarted(() => (restarted += 1));
  const instrument = await bench.instrument(model, 'suricata');
  const stopped = new Promise<void>((resolve) =>
    bench.bus.onDown(() => {
      resolve();
    }),
  );
  killNow(bench.bus.serverPid());
  // Whoever gets the port first: with luck we do, and the first tries of the watch fail.
  const blocker = await occupyPort().catch(() => undefined);
  await stopped;
  const waiting = instrument.publish('alert', { while: 'down' });
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  await blocker?.release();
  await waitFor('the restart', 30_000, () => restarted === 1);
  await waiting;
  expect(reasons).toHaveLength(1);
  await bench.bus.publishPlatform('bus.restarted', {});
});

/** Listens where the bus should, takes connections and says nothing. */
async function occupyPort(): Promise<{ release(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(bench.site.natsPort, '127.0.0.1', resolve);
  });
  return {
    release: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Files below a folder that hold some bytes. */
async function filesHolding(folder: string, bytes: Buffer): Promise<string[]> {
  const { readFile } = await import('node:fs/promises');
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const holding: string[] = [];
  for (const file of files) if ((await readFile(file)).includes(bytes)) holding.push(file);
  return holding;
}
