import { connect, type AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { waitFor } from '@bulkhead/platform/kernel';
import { openServer, SERVER_LIMITS } from '../../../fleet-ui/server/web/server.ts';
import { localhostIdentity } from '../../support/fleet-notify/tls-identity.ts';
import { startProxy, type TestProxy } from '../../support/fleet/ui-proxy.ts';
import { accept, collect, opening } from '../../support/fleet/web-sockets.ts';

let at: TestProxy;
const pages: Duplex[] = [];

beforeEach(async () => {
  at = await startProxy();
  const server = await at.instrument('rules', (_request, response) => response.end('page'));
  server.on('upgrade', (request, socket: Duplex) => {
    socket.on('error', () => undefined);
    pages.push(socket);
    accept(request, socket);
  });
});

afterEach(async () => {
  for (const page of pages.splice(0)) page.destroy();
  await at.close();
});

test('the listener ends while a WebSocket is open through it, and the WebSocket with it', async () => {
  const socket = await at.dial();
  const { text, closed } = collect(socket);
  const person = at.people.signIn(at.origin('rules'));
  socket.write(opening('/live', { Host: at.host('rules'), ...person }));
  await waitFor('the agreement', 10_000, () => text().includes('\r\n\r\n'));
  // As fleetd ends: nobody has told the proxy yet.
  let isClosed = false;
  void at.web.close().then(() => (isClosed = true));
  await waitFor('the listener to end', 10_000, () => isClosed);
  await closed;
  expect(at.proxy.counts().live).toBe(0);
});

test('with TLS too, and who is still in the handshake does not hold it up', async () => {
  const { cert, key } = await localhostIdentity();
  const server = openServer(() => undefined, {
    tls: { current: () => ({ cert, key }), onChange: () => undefined },
    hosts: [
      {
        serves: () => true,
        request: (_request, response) => response.end(),
        upgrade: (request, socket) => {
          accept(request, socket);
        },
      },
    ],
    limits: { ...SERVER_LIMITS, handshakeMs: 300_000 },
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const silent = connect(port, '127.0.0.1');
  const upgraded = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false });
  const { text, closed } = collect(upgraded);
  for (const socket of [silent, upgraded]) socket.on('error', () => undefined);
  upgraded.write(opening('/live', { Host: 'localhost' }));
  await waitFor('the agreement', 10_000, () => text().includes('\r\n\r\n'));
  let isClosed = false;
  server.closeAllConnections();
  server.close(() => (isClosed = true));
  await waitFor('the listener to end', 10_000, () => isClosed);
  await closed;
  silent.destroy();
});
