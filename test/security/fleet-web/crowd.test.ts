import { mkdtemp, rm } from 'node:fs/promises';
import { connect as connectTcp, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { expect, test } from 'vitest';
import { Ca } from '@bulkhead/fleet-server/ca';
import { openWeb, type FleetFeature } from '@bulkhead/fleet-server/web';
import { openLog, waitFor } from '@bulkhead/platform/kernel';
import { clientOf } from '../../../fleet-ui/server/web/per-address.ts';

const PER_ADDRESS = 30;
const feature: FleetFeature = {
  name: 'echo',
  start: async () => undefined,
  stop: async () => undefined,
  routes: (app) => {
    app.get('/api/v1/free', { config: { right: 'public' } }, async () => ({ free: true }));
  },
};

async function listener(encrypted: boolean) {
  const log = openLog('test', 'silent');
  const dir = await mkdtemp(join(tmpdir(), 'bulkhead-crowd-'));
  const ca = await Ca.open({ dir, names: ['localhost'], baseDomain: 'localhost', log });
  const web = await openWeb({
    log,
    version: '0.0.0',
    tls: encrypted ? ca.web : undefined,
    knowsHost: (host) => host === 'localhost',
    instrumentHosts: '*.localhost:*',
    features: [feature],
    pagesDir: undefined,
    limits: { connectionsPerAddress: PER_ADDRESS },
  });
  const port = await web.listen('0.0.0.0', 0);
  const close = async () => {
    await web.close();
    await rm(dir, { recursive: true, force: true });
  };
  return { port, ca: ca.certificate, close };
}

/** A connection from one of this machine's own addresses. */
function from(address: string, port: number): Socket {
  const socket = connectTcp({ host: '127.0.0.1', port, localAddress: address });
  return socket.on('error', () => undefined);
}

/** Asks over a connection that is open, and gives the first line of what comes back; empty when it is closed. */
function answerOn(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    socket.once('data', (part: Buffer) => resolve(part.toString('latin1').split('\r\n', 1)[0] ?? ''));
    socket.once('close', () => resolve(''));
    socket.write('GET /api/v1/free HTTP/1.1\r\nHost: localhost\r\n\r\n');
  });
}

test.each([['plain', false] as const, ['TLS', true] as const])(
  'ABUSE 57: one address takes its share of the connections and no more, and others come in (%s)',
  async (_name, encrypted) => {
    const { port, ca, close } = await listener(encrypted);
    const ask = async (socket: Socket) => {
      if (!encrypted) return answerOn(socket);
      return answerOn(connectTls({ socket, ca, servername: 'localhost' }).on('error', () => undefined));
    };
    try {
      // It says nothing, and would hold all of them for as long as it likes.
      const crowd = Array.from({ length: 4 * PER_ADDRESS }, () => from('127.0.0.2', port));
      await waitFor(
        'what is too much to be closed',
        20_000,
        () => crowd.filter(({ closed }) => closed).length === 3 * PER_ADDRESS,
      );
      expect(await ask(from('127.0.0.2', port))).toBe('');
      expect(await ask(from('127.0.0.3', port))).toBe('HTTP/1.1 200 OK');
      // What it lets go it may have again.
      for (const socket of crowd) socket.destroy();
      await waitFor(
        'it to be let in again',
        20_000,
        async () => (await ask(from('127.0.0.2', port))) === 'HTTP/1.1 200 OK',
      );
    } finally {
      await close();
    }
  },
);

test('a client of IPv6 is its network, however the address is written', () => {
  expect(clientOf('2001:db8:0:7::1')).toBe(clientOf('2001:db8::7:ffff:1:2:3'));
  expect(clientOf('2001:0db8:0000:0007:1:2:3:4')).toBe('2001:db8:0:7::/64');
  expect(clientOf('2001:db8:0:8::1')).not.toBe(clientOf('2001:db8:0:7::1'));
  expect(clientOf('fe80::1%eth0')).toBe('fe80:0:0:0::/64');
  expect(clientOf('::1')).toBe('0:0:0:0::/64');
  expect(clientOf('::ffff:192.0.2.1')).toBe('192.0.2.1');
  expect(clientOf('192.0.2.1')).toBe('192.0.2.1');
});
