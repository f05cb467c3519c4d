import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readlink, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { run, waitFor } from '@bulkhead/platform/kernel';
import { allProcesses, listenersOf, withDescendants } from '../support/listeners.ts';
import { killNow } from '../support/kill.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PREFIX = 'b7e';
/** Of the second and third sensor: the first's with a number behind it. */
const PREFIXES = [PREFIX, `${PREFIX}2`, `${PREFIX}3`];
const SENSORS = ['lab', 'lab-2', 'lab-3'];
const PASSWORD = 'seven quiet lanterns drift past noon';
/** A busy machine takes four times what a quiet one does. */
const UP_MS = 240_000;
const SOON_MS = 60_000;
/** A sensor that cannot reach its fleet tries again at random, at the latest after a minute. */
const RETURN_MS = 150_000;
let dir: string;
const running: ChildProcess[] = [];

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'bulkhead-start-'));
});
afterEach(async () => {
  for (const child of running.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGINT');
    await once(child, 'exit');
  }
});
afterAll(async () => {
  for (const prefix of PREFIXES) {
    const names = [
      '--prefix',
      prefix,
      '--lxd-project',
      `bulkhead-${prefix}`,
      '--lxd-pool',
      `bulkhead-${prefix}`,
    ];
    const dirs = [
      '--state-dir',
      `/var/lib/bulkhead-beside/${prefix}`,
      '--run-dir',
      `/run/bulkhead-beside/${prefix}`,
    ];
    const sensord = join(ROOT, 'build', 'sensord.mjs');
    await run(process.execPath, [sensord, '--take-down', '--everything', ...names, ...dirs], {
      timeoutMs: 120_000,
    });
    for (const place of ['/var/lib/bulkhead-beside', '/run/bulkhead-beside'])
      await rm(join(place, prefix), { recursive: true, force: true });
  }
  await rm(dir, { recursive: true, force: true });
});

/** A program that runs on, and what it has said. */
interface Running {
  child: ChildProcess;
  /** Its exit code, when all that it said was read. */
  ended: Promise<number | null>;
  said: () => string;
  /** Waits until it has said something. @returns the first group of the pattern, or all of it */
  hears: (pattern: RegExp, timeoutMs: number) => Promise<string>;
}

function start(program: string, args: readonly string[], stdin?: string): Running {
  const child = spawn(program, args, {
    stdio: [stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    env: { ...process.env, XDG_CONFIG_HOME: join(dir, 'config') },
  });
  running.push(child);
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (part: Buffer) => (text += part.toString()));
  // Only then all was read that it said: its exit may be known before its last words.
  const ended = once(child, 'close').then(([exitCode]) => exitCode as number | null);
  let over = false;
  void ended.then(() => (over = true));
  child.stdin?.end(stdin);
  return {
    child,
    ended,
    said: () => text,
    hears: (pattern, timeoutMs) =>
      waitFor(`${String(pattern)} in what ${program} says`, timeoutMs, () => {
        const [all, group] = pattern.exec(text) ?? [];
        if (all === undefined && over) throw new Error(`${program} ended:\n${text}`);
        return Promise.resolve(group ?? all);
      }),
  };
}

interface Answer {
  status: number;
  body: any; // eslint-disable-line @typescript-eslint/no-explicit-any -- a test looks into it as it likes
}

/** A browser on this machine, as far as cookies and the headers of its own pages go. */
function visitorOf(url: string) {
  const { host, port, origin } = new URL(url);
  let cookie = '';
  return (method: 'GET' | 'POST', path: string, body?: unknown): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const headers = {
        host,
        origin,
        cookie,
        'sec-fetch-site': 'same-origin',
        'content-type': 'application/json',
      };
      const sent = request({ host: '127.0.0.1', port, path, method, headers }, (reply) => {
        cookie = reply.headers['set-cookie']?.[0]?.split(';', 1)[0] ?? cookie;
        let text = '';
        reply.on('data', (part: Buffer) => (text += part.toString()));
        reply.on('error', reject);
        reply.on('end', () => resolve({ status: reply.statusCode ?? 0, body: JSON.parse(text) }));
      });
      sent.on('error', reject).end(body === undefined ? undefined : JSON.stringify(body));
    });
}

/** Names of this run's things in the kernel, and its processes. */
async function traces(): Promise<string[]> {
  const [links, namespaces, tables, mounts] = await Promise.all([
    run('ip', ['-o', 'link']),
    run('ip', ['netns']),
    run('nft', ['list', 'tables']),
    run('cat', ['/proc/self/mountinfo']),
  ]);
  const things = [links, namespaces, tables, mounts]
    .flatMap(({ stdout }) => stdout.split('\n'))
    .filter((line) => /(^| )b7e[23]?([a-zA-Z]-|lab-|-lab|_)|-beside\/b7e/.test(line));
  const processes = (await allProcesses()).filter(({ command }) =>
    /-beside\/b7e[23]?\/|bulkhead-b7e[23]?[_ /]/.test(command),
  );
  return [...things, ...processes.map(({ command }) => command)];
}

test(
  'scripts/start --sensors 3: a fleet on this machine with three sensors and their alerts, and nothing of it afterwards',
  { timeout: 900_000 },
  async () => {
    const whole = start(join(ROOT, 'scripts', 'start'), ['--no-setup', '--beside', PREFIX, '--sensors', '3']);
    const url = await whole.hears(/^The fleet is at (http:\/\/localhost:\d+\/)$/m, UP_MS);
    const code = await whole.hears(/set-up code (\S+)$/m, SOON_MS);
    const ask = visitorOf(url);
    expect(
      (await ask('POST', '/api/v1/session/set-up', { code, name: 'anna', password: PASSWORD })).status,
    ).toBe(200);
    // They come up one after the other.
    await whole.hears(/^The fleet has 3 sensors: lab, lab-2, lab-3$/m, UP_MS * 2);

    const attached = async () => {
      const { sensors } = (await ask('GET', '/api/v1/sensors')).body;
      const there = sensors.filter((one: { attached: boolean }) => one.attached);
      return (
        there
          .map(({ name }: { name: string }) => name)
          .sort()
          .join() === SENSORS.join()
      );
    };
    await waitFor('all sensors to be attached', SOON_MS, attached);
    await waitFor('alerts of every sensor in the fleet', SOON_MS * 2, async () => {
      const { body } = await ask('GET', '/api/v1/events/facets?types=alert');
      return body.sensors.length === SENSORS.length;
    });

    // From a terminal: the same, by the API, with the token on standard input.
    const rights = ['sensors.read', 'events.read'];
    const { body: made } = await ask('POST', '/api/v1/tokens', { label: 'shell', rights, expiresInDays: 1 });
    const command = join(ROOT, 'build', 'bulkhead.mjs');
    const login = start(process.execPath, [command, 'fleet', 'login', url], `${made.secret}\n`);
    await login.hears(/^logged in to .* as anna/m, SOON_MS);
    const follow = start(process.execPath, [
      command,
      'fleet',
      'events',
      '--type',
      'alert',
      '--limit',
      '1',
      '--follow',
    ]);
    await follow.hears(/lab(-[23])? .*\n[^]*BULKHEAD[^]*\n[^]*BULKHEAD/, SOON_MS);
    expect(follow.said()).not.toContain(made.secret);
    follow.child.kill('SIGINT');
    expect(await follow.ended).toBe(0);

    await onlyLoopback(whole.child.pid ?? 0, Number(new URL(url).port));

    // Fleetd that dies is there again, where it was.
    const fleetd = (await allProcesses()).find(({ command: line }) =>
      /-beside\/b7e\/lab\/fleetd\/program\/fleetd\.mjs --config/.test(line),
    );
    killNow(fleetd?.pid);
    await whole.hears(/^fleetd was killed by SIGKILL; it is started again/m, SOON_MS);
    await whole.hears(/^fleetd runs again, at /m, SOON_MS);
    await waitFor('all sensors to be back', RETURN_MS, attached);

    whole.child.kill('SIGINT');
    const exitCode = await whole.ended;
    expect(whole.said()).toContain('Nothing is left behind');
    expect(exitCode).toBe(0);
    expect(await traces()).toEqual([]);
  },
);

/** Nothing of a run listens where another machine could reach it: neither on the host, nor inside the containers. */
async function onlyLoopback(pid: number, webPort: number): Promise<void> {
  const all = await allProcesses();
  const inContainers = withDescendants(all, ({ command }) =>
    /^\[lxc monitor\].*bulkhead-b7e[23]?_/.test(command),
  );
  const onHost = withDescendants(all, (one) => one.pid === pid || /bulkhead-b7e[23]?_/.test(one.command));
  const network = await readlink('/proc/self/ns/net');
  const host = (await listenersOf(onHost)).filter((one) => one.network === network);
  const inside = await listenersOf(inContainers);
  const reachable = [...host, ...inside].filter(({ address }) => !/^127\.|^::1$/.test(address));
  expect(reachable).toEqual([]);
  expect(host.map(({ port }) => port)).toContain(webPort);
  // The rule manager's page, and what leads each instrument to its bus.
  expect(inside.length).toBeGreaterThan(0);
}

test.each([
  [['--sensors', '0'], 'must be a number from 1 to 3'],
  [['--sensors', '4'], 'must be a number from 1 to 3'],
  [['--sensors', 'many'], 'must be a number from 1 to 3'],
  [['--sensors', '2', '--once'], '--once or --no-fleet'],
  [['--sensors', '2', '--interface', 'eth9'], '--interface or --replay'],
])('what cannot be run is refused with the reason: %j', async (args, reason) => {
  const { exitCode, stderr } = await run(join(ROOT, 'scripts', 'start'), ['--no-setup', ...args], {
    allowFailure: true,
  });
  expect(exitCode).toBe(2);
  expect(stderr).toContain(reason);
});
