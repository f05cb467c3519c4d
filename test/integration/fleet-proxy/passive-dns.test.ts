import { request, type RequestListener } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { lookUp } from '../../../instruments/passive-dns/src/lookup.ts';
import type { LoopbackServer } from '../../../instruments/passive-dns/src/loopback-server.ts';
import { openPage } from '../../../instruments/passive-dns/src/page.ts';
import { answersMessage, dnsFolder } from '../../support/dns-store.ts';
import { startProxy, type TestProxy } from '../../support/fleet/ui-proxy.ts';

/*
 * The page of passive DNS as people reach it: through the fleet's listener and proxy.
 */

const folder = dnsFolder();
let page: LoopbackServer;
let at: TestProxy;

beforeAll(async () => {
  const store = await folder.open();
  await store.take(answersMessage('m', ['c2.example'], '203.0.113.66'));
  await store.settle();
  page = await openPage({
    port: 0,
    files: new Map([
      ['/', { type: 'text/html; charset=utf-8', body: Buffer.from('<title>Passive DNS</title>') }],
    ]),
    lookUp: (lookup) => store.look((db) => lookUp(db, lookup)),
    state: () => {
      throw new Error('not asked for here');
    },
    failed: () => undefined,
  });
  at = await startProxy();
  await at.instrument('passive-dns', toPort(page.port));
});
afterAll(async () => {
  await at.close();
  await page.close();
  await folder.dispose();
});

/** From the sensor's socket to the port inside of the container. */
function toPort(port: number): RequestListener {
  return (outer, answer) => {
    const { method, url, headers } = outer;
    const inner = request({ host: '127.0.0.1', port, method, path: url, headers, agent: false }, (reply) => {
      answer.writeHead(reply.statusCode ?? 502, reply.headers);
      reply.pipe(answer);
    });
    inner.on('error', () => answer.destroy());
    outer.pipe(inner);
  };
}

test.each([{ through: 'a socket' }, { through: 'a tunnel' }])(
  'a viewer opens the page and looks a name up through $through; a change, and somebody unknown, are refused',
  async ({ through }) => {
    at.tunnels.isUsed = through === 'a tunnel';
    const vera = at.people.signIn(at.origin('passive-dns'), { name: 'vera', roles: ['viewer'] });
    const opened = await at.get('passive-dns', '/', vera);
    expect([opened.status, opened.body]).toEqual([200, '<title>Passive DNS</title>']);
    expect(opened.headers['content-security-policy']).toContain("default-src 'none'; script-src 'self';");
    const found = await at.get('passive-dns', '/api/lookup?name=*.example', vera);
    expect(JSON.parse(found.body)).toMatchObject({
      ok: true,
      result: { records: [{ rrname: 'c2.example', rdata: '203.0.113.66' }], more: false },
    });
    const asRoot = { ...vera, 'x-bulkhead-user': 'root', 'x-bulkhead-roles': 'admin' };
    const me = await at.get('passive-dns', '/api/me', asRoot);
    expect(JSON.parse(me.body)).toEqual({ user: 'vera', roles: ['viewer'] });
    expect((await at.get('passive-dns', '/api/lookup?name=c2.example', vera, 'DELETE')).status).toBe(405);
    const stranger = await at.get('passive-dns', '/api/lookup?name=c2.example');
    expect(stranger.status).not.toBe(200);
    expect(stranger.body).not.toContain('203.0.113.66');
  },
);
