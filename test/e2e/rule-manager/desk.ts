import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer, request as httpRequest, type Server } from 'node:http';
import { connect, createServer as createRelay, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { waitFor } from '@bulkhead/platform/kernel';
import { RuleManagerApp } from '../../../instruments/rule-manager/src/app.ts';
import { busInstrument, busModel, openBusBench } from '../../support/nats.ts';
import { SpokenIds } from './ids.ts';

const UI = fileURLToPath(new URL('../../../build/apps/rule-manager/files/ui', import.meta.url));
const COMMANDS = ['ruleset.test', 'ruleset.apply', 'ruleset.job', 'ruleset.status'];

/** The rule manager with its page, an IDS and the platform's services, on a bus of their own. */
export interface Desk {
  app: RuleManagerApp;
  /** Address of the page as people reach it: somebody in between says who they are. */
  url: string;
  /** Who the next requests are of. */
  person: { user: string; roles: string };
  /** What is asked of the API by the same way. */
  api: (operation: string, request: unknown) => Promise<unknown>;
  /** @see SpokenIds.hold */
  holdTests: () => () => void;
  /** The IDS publishes alerts of a rule: one for each source address. */
  alert: (sid: number, sources: readonly string[]) => Promise<void>;
  dispose: () => Promise<void>;
}

export async function openDesk(): Promise<Desk> {
  if (!existsSync(join(UI, 'app.js'))) throw new Error(`${UI} holds no page: run scripts/build first.`);
  const home = await mkdtemp(join(tmpdir(), 'bn8-'));
  const bench = await openBusBench('bn8');
  const undo: (() => Promise<unknown>)[] = [
    () => rm(home, { recursive: true, force: true }),
    () => bench.dispose(),
  ];
  const dispose = async () => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    const model = busModel([
      busInstrument('rule-manager', {
        read: [{ from: 'suricata', type: 'alert' }],
        publish: ['ruleset.deployed', 'ruleset.refused'],
        send: COMMANDS.map((command) => ({ to: 'suricata', command })),
        services: ['deliver', 'download.request'],
      }),
      busInstrument('suricata', { publish: ['alert'], accept: COMMANDS }),
    ]);
    await bench.bus.ensure(model);
    for (const name of ['suricata', 'manager']) {
      for (const part of ['persistent', 'transient', 'resources']) {
        await mkdir(join(home, name, part), { recursive: true });
      }
    }
    const suricata = await bench.instrument(model, 'suricata', { dataDir: join(home, 'suricata') });
    const ids = new SpokenIds(suricata, join(home, 'suricata', 'resources'));
    ids.start();
    bench.bus.serve('deliver', async (_from, payload) => {
      const { sha256, as, bytes, remove } = payload as {
        sha256: string;
        as: string;
        bytes: number;
        remove?: string[];
      };
      await ids.deliver(join(home, 'manager', 'persistent', 'outbox'), sha256, as, remove ?? []);
      return { as, bytes, sha256 };
    });
    bench.bus.serve('download.request', () => Promise.resolve({ state: 'waiting' }));
    const manager = await bench.instrument(model, 'rule-manager', { dataDir: join(home, 'manager') });
    const app = await RuleManagerApp.open(manager, { uiDir: UI, httpPort: 0, pollMs: 200 });
    app.configure({ autoDeploy: false, checkS: 1 });
    undo.push(() => app.stop());
    await app.start();
    const person = { user: 'anna', roles: 'operator' };
    const socket = join(home, 'page.sock');
    const relay = relayTo(app.httpPort ?? 0);
    const proxy = proxyTo(socket, person);
    undo.push(
      () => closed(relay),
      () => closed(proxy),
    );
    await new Promise<void>((resolve) => relay.listen(socket, resolve));
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${String((proxy.address() as AddressInfo).port)}/`;
    const api = async (operation: string, request: unknown) => {
      const response = await fetch(`${url}api/${operation}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(request),
      });
      const answer = (await response.json()) as { ok: boolean; result?: unknown };
      if (!answer.ok) throw new Error(`${operation}: ${JSON.stringify(answer)}`);
      return answer.result;
    };
    const alert = async (sid: number, sources: readonly string[]) => {
      const before = app.health().counters?.['alerts.recorded'] ?? 0;
      for (const source of sources) {
        void suricata.publish('alert', {
          event_type: 'alert',
          timestamp: new Date().toISOString(),
          src_ip: source,
          dest_ip: '203.0.113.5',
          alert: { signature_id: sid, gid: 1, signature: 'x' },
        });
      }
      await suricata.flush();
      await waitFor('the alerts to be recorded', 60_000, () => {
        return (app.health().counters?.['alerts.recorded'] ?? 0) >= before + sources.length;
      });
    };
    return { app, url, person, api, holdTests: () => ids.hold(), alert, dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** From the socket that the sensor makes to the port inside, as LXD's proxy goes. */
function relayTo(port: number) {
  return createRelay((outer) => {
    const inner = connect({ port, host: '127.0.0.1' });
    outer.pipe(inner).pipe(outer);
    outer.on('error', () => inner.destroy());
    inner.on('error', () => outer.destroy());
  });
}

/** Who lets people in: what a client says of itself is taken away, who it is is said. */
function proxyTo(socketPath: string, person: { user: string; roles: string }): Server {
  return createServer((incoming, outgoing) => {
    const { host: _host, cookie: _cookie, authorization: _authorization, ...headers } = incoming.headers;
    const own = Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith('x-')));
    const inner = httpRequest({
      socketPath,
      path: incoming.url,
      method: incoming.method,
      headers: { ...own, 'x-bulkhead-user': person.user, 'x-bulkhead-roles': person.roles },
    });
    inner.on('response', (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    inner.on('error', () => {
      outgoing.destroy();
    });
    incoming.pipe(inner);
  });
}

async function closed(server: {
  close: (done: () => void) => unknown;
  closeAllConnections?: () => void;
}): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(resolve);
    server.closeAllConnections?.();
    // A relay of bare sockets ends with its two ends, which are closed around it.
    setTimeout(resolve, 1_000).unref();
  });
}
