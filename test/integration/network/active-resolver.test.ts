import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openLog, waitFor } from '@bulkhead/platform/kernel';
import { NameResolver } from '@bulkhead/platform/network';

/** On the loopback network; nobody else uses this address and port. */
const SERVER = { address: '127.77.0.54', port: 5354 };
const MINUTE = 60_000;

let dir: string;
let server: ChildProcess | undefined;
/** The clock of the resolver. */
let now: number;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'bulkhead-resolver-'));
  now = Date.now();
});
afterEach(async () => {
  await stop();
  await rm(dir, { recursive: true, force: true });
});

/** A real DNS server that answers with these addresses. */
async function serve(names: Record<string, readonly string[]>, ttlS = 120): Promise<void> {
  await stop();
  const file = join(dir, 'hosts');
  const lines = Object.entries(names).flatMap(([name, all]) => all.map((address) => `${address} ${name}`));
  await writeFile(file, `${lines.join('\n')}\n`, { mode: 0o644 });
  server = spawn(
    'dnsmasq',
    [
      ...['--keep-in-foreground', '--conf-file=/dev/null', '--pid-file=', '--user=root', '--no-resolv'],
      ...['--no-hosts', `--addn-hosts=${file}`, '--local=/example/', `--local-ttl=${String(ttlS)}`],
      ...[`--port=${String(SERVER.port)}`, '--bind-interfaces', '--except-interface=lo'],
      `--listen-address=${SERVER.address}`,
    ],
    { stdio: 'ignore' },
  );
  const first = Object.keys(names)[0] ?? '';
  await waitFor('the DNS server', 10_000, async () => {
    const { Resolver } = await import('node:dns/promises');
    const probe = new Resolver({ timeout: 200, tries: 1 });
    probe.setServers([`${SERVER.address}:${String(SERVER.port)}`]);
    return probe.resolve4(first).then(
      () => true,
      () => false,
    );
  });
}

async function stop(): Promise<void> {
  if (server === undefined) return;
  const ended = once(server, 'exit');
  server.kill('SIGKILL');
  await ended;
  server = undefined;
}

function open(): NameResolver {
  return new NameResolver({
    servers: () => [`${SERVER.address}:${String(SERVER.port)}`],
    file: join(dir, 'names.json'),
    log: openLog('network', 'fatal'),
    now: () => now,
  });
}

const addresses = async (resolver: NameResolver, name: string): Promise<string[]> =>
  (await resolver.resolve(name)).map(({ address }) => address).sort();

test('an answer holds as long as it says; afterwards it is asked again, and the former address stays reachable for ten minutes', async () => {
  await serve({ 'www.site.example': ['93.184.216.34', '127.0.0.1'] });
  const resolver = open();
  const [first] = await resolver.resolve('www.site.example');
  expect(first).toMatchObject({ address: '93.184.216.34' });
  expect(first?.ttlS).toBeGreaterThan(100);
  expect(first?.ttlS).toBeLessThanOrEqual(120);

  await serve({ 'www.site.example': ['151.101.1.6'] });
  expect(await addresses(resolver, 'www.site.example')).toEqual(['93.184.216.34']);
  const before = resolver.version;
  now += 2.1 * MINUTE;
  expect(await addresses(resolver, 'www.site.example')).toEqual(['151.101.1.6']);
  expect(resolver.version).toBeGreaterThan(before);
  expect(resolver.addressesOf('www.site.example').sort()).toEqual(['151.101.1.6', '93.184.216.34']);
  now += 10 * MINUTE;
  expect(resolver.addressesOf('www.site.example')).toEqual(['151.101.1.6']);
});

test('a name in use is renewed before it runs out; a name that is no destination any more is forgotten at once', async () => {
  await serve({ 'a.example': ['93.184.216.34'], 'b.example': ['93.184.216.35'] });
  const resolver = open();
  await resolver.resolve('a.example');
  await resolver.resolve('b.example');
  await serve({ 'a.example': ['93.184.216.40'], 'b.example': ['93.184.216.35'] });
  now += 1.9 * MINUTE;
  await resolver.refresh((name) => name === 'a.example');
  expect(resolver.addressesOf('a.example')).toContain('93.184.216.40');
  expect(resolver.addressesOf('b.example')).toEqual([]);
});

test('a server that is gone does not take away what is known, and a restart does not either', async () => {
  await serve({ 'a.example': ['93.184.216.34'] });
  const resolver = open();
  await resolver.resolve('a.example');
  await resolver.save();
  await stop();
  now += 3 * MINUTE;
  expect(await addresses(resolver, 'a.example')).toEqual(['93.184.216.34']);
  const next = open();
  await next.load();
  expect(next.addressesOf('a.example')).toEqual(['93.184.216.34']);
  await expect(next.resolve('unknown.example')).rejects.toMatchObject({ code: 'NETWORK_NAME_UNRESOLVED' });
  await writeFile(join(dir, 'names.json'), '{"a.example": 3}');
  const third = open();
  await third.load();
  expect(third.addressesOf('a.example')).toEqual([]);
});

test('a name with a great many addresses counts with 64 of them; one that is not there, or loopback only, with none', async () => {
  const many = Array.from({ length: 90 }, (_, at) => `93.184.217.${String(at + 1)}`);
  await serve({ 'many.example': many, 'home.example': ['127.0.0.1'] });
  const resolver = open();
  expect((await resolver.resolve('many.example')).length).toBe(64);
  expect(resolver.addressesOf('many.example').length).toBe(64);
  await expect(resolver.resolve('home.example')).rejects.toMatchObject({ code: 'NETWORK_NAME_UNRESOLVED' });
  await expect(resolver.resolve('absent.example')).rejects.toMatchObject({
    code: 'NETWORK_NAME_UNRESOLVED',
    message: expect.stringContaining('no IPv4 address') as string,
  });
});
