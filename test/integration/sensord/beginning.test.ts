import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { openLog, site, sitePaths, waitFor } from '@bulkhead/platform/kernel';
import { RevisionStore, normaliseDocument } from '@bulkhead/platform/sensord';
import { bundleProgram } from '../../support/bundle-program.ts';

/** The first moments of sensord as a process of its own, on a machine whose LXD is whatever the test makes it. */
const BEFORE = 'version: 1\nsensor: { name: lab }\n';

let programDir: string;
let dir: string;
let runDir: string;
let asked: number;
/** What LXD answers; undefined: it takes its time. */
let answer: object | undefined;
const children: ChildProcess[] = [];
const servers: Server[] = [];

beforeAll(async () => {
  programDir = await mkdtemp(join(tmpdir(), 'bulkhead-begin-'));
  await bundleProgram(
    "import { main } from './sensord/main.ts'; process.exitCode = await main(process.argv.slice(2));",
    join(programDir, 'sensord.mjs'),
  );
}, 120_000);
afterAll(() => rm(programDir, { recursive: true, force: true }));

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'bulkhead-begun-'));
  // In memory, as sensord wants it: then it mounts nothing.
  runDir = await mkdtemp('/dev/shm/bulkhead-begun-');
  [asked, answer] = [0, undefined];
  await serve(lxdSocket(), () => {
    asked += 1;
    return answer;
  });
  await writeFile(join(dir, 'sensor.yaml'), BEFORE);
});
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
  await rm(dir, { recursive: true, force: true });
  await rm(runDir, { recursive: true, force: true });
});

async function serve(path: string, reply: () => object | undefined): Promise<Server> {
  const server = createServer((_request, response) => {
    const body = reply();
    if (body !== undefined) response.setHeader('content-type', 'application/json').end(JSON.stringify(body));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return server;
}

const lxdSocket = () => join(dir, 'lxd.socket');
const here = () => site({ prefix: 'b9', stateDir: join(dir, 'state'), runDir });

function sensord(): { child: ChildProcess; said: () => string } {
  const { stateDir } = here();
  const child = spawn(
    process.execPath,
    [
      join(programDir, 'sensord.mjs'),
      ...['--config', join(dir, 'sensor.yaml'), '--apps', dir, '--prefix', 'b9'],
      ...['--state-dir', stateDir, '--run-dir', runDir, '--cache-dir', join(dir, 'cache')],
      ...['--lxd-socket', lxdSocket()],
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  children.push(child);
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (part: Buffer) => (text += part.toString()));
  return { child, said: () => text };
}

test('who asks for the configuration to be read again before sensord is up does not end it', async () => {
  const { child, said } = sensord();
  await waitFor(`sensord to look for LXD: ${said()}`, 60_000, () => asked > 0);
  child.kill('SIGHUP');
  await sleep(1_000);
  expect([child.exitCode, child.signalCode], said()).toEqual([null, null]);
});

test('a second sensord is turned away before it has touched anything of the first', async () => {
  answer = { type: 'sync', metadata: { environment: { server_version: '5.0.2' } } };
  const at = here();
  const configDir = join(at.stateDir, 'config');
  await mkdir(join(runDir, 'api'), { recursive: true });
  await serve(sitePaths(at).sensordSocket, () => ({}));
  // The first one brings its second revision in force right now; somebody edited the file meanwhile.
  const first = await RevisionStore.open(configDir, openLog('test', 'silent'));
  const given = { digest: 'd'.repeat(64), author: 'ada', reason: '', origin: 'apply' as const };
  await first.begin({ ...given, document: normaliseDocument(BEFORE) });
  await first.commit(1);
  await first.begin({ ...given, document: normaliseDocument(`${BEFORE}bus: { streamMib: 32 }\n`) });
  const before = await content(configDir);
  await writeFile(join(dir, 'sensor.yaml'), `${BEFORE}bus: { streamMib: 64 }\n`);
  const { child, said } = sensord();
  await waitFor('the second to end', 60_000, () => child.exitCode !== null || child.signalCode !== null);
  expect(child.exitCode).toBe(1);
  expect(said()).toContain('SENSORD_ALREADY_RUNNING');
  expect(await content(configDir)).toEqual(before);
  expect(asked).toBe(0);
});

async function content(folder: string): Promise<Record<string, string>> {
  const names = (await readdir(folder)).sort();
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await readFile(join(folder, name), 'utf8')] as const)),
  );
}
