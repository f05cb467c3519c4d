import { copyFileSync, readdirSync, readFileSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { site, waitFor } from '@bulkhead/platform/kernel';
import { openFleet } from '../../../scripts/src/start/fleet-watch.ts';
import { bundleProgram } from '../../support/bundle-program.ts';
import { openTestSensor } from '../../support/fleet-link/test-sensor.ts';
import { fleetProgramDir } from '../../support/fleet/running-fleet.ts';
import { killNow } from '../../support/kill.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
let dir: string;
let program: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'bulkhead-fleetd-'));
  await chmod(dir, 0o711);
  program = await fleetProgramDir(dir);
  await bundleProgram(
    `import { main } from '${ROOT}/fleet-ui/server/fleetd/main.ts'; process.exitCode = await main(process.argv.slice(2));`,
    join(program, 'fleetd.mjs'),
    ['@node-rs/argon2-*'],
  );
  const scope = join(ROOT, 'node_modules/@node-rs');
  for (const name of readdirSync(scope).filter((one) => one.startsWith('argon2-linux-'))) {
    const native = readdirSync(join(scope, name)).find((file) => file.endsWith('.node')) ?? '';
    copyFileSync(join(scope, name, native), join(program, native));
  }
});
afterAll(() => rm(dir, { recursive: true, force: true }));

/** What a browser on this machine sends; names below localhost lead here. */
async function ask(
  url: string,
  path: string,
  body?: object,
): Promise<{ status: number; cookie: string; text: string }> {
  const { host, port } = new URL(url);
  const headers = {
    host,
    origin: `http://${host}`,
    'sec-fetch-site': 'same-origin',
    'content-type': 'application/json',
  };
  return new Promise((resolve, reject) => {
    const sent = request(
      { host: '127.0.0.1', port, path, method: body === undefined ? 'GET' : 'POST', headers },
      (reply) => {
        let text = '';
        reply.on('data', (part: Buffer) => (text += part.toString()));
        reply.on('end', () =>
          resolve({
            status: reply.statusCode ?? 0,
            cookie: (reply.headers['set-cookie'] ?? []).join(),
            text,
          }),
        );
      },
    );
    sent.on('error', reject).end(body === undefined ? undefined : JSON.stringify(body));
  });
}

const said: string[] = [];
const say = (text: string): void => void said.push(text);

test('fleetd as it ships runs beside a sensor without any right of root, and the sensor joins it', async () => {
  const at = site({ prefix: 'bf9', natsPort: 27_831 });
  const place = join(dir, 'run');
  const fleet = await openFleet(at, place, ['lab'], say, program);
  const sensor = await openTestSensor();
  try {
    const status = readFileSync(`/proc/${String(fleet.pid)}/status`, 'utf8');
    expect(/^Uid:\s+(\d+)/m.exec(status)?.[1]).toBe('65231');
    expect(/^CapEff:\s+(\w+)/m.exec(status)?.[1]).toBe('0000000000000000');
    expect(fleet.words.url).toBe('http://localhost:27832/');
    expect(JSON.parse((await ask(fleet.words.url, '/api/v1/about')).text)).toMatchObject({
      setUpNeeded: true,
    });
    await sensor.link.join({ token: fleet.words.joinTokens.get('lab') ?? '' });
    await sensor.up();
    // The password goes through the native part.
    const person = {
      code: fleet.words.setUpCode,
      name: 'anna',
      password: 'seven quiet lanterns drift past noon',
    };
    const setUp = await ask(fleet.words.url, '/api/v1/session/set-up', person);
    expect([setUp.status, setUp.cookie]).toEqual([200, expect.stringContaining('HttpOnly')]);
    // Killed, it is started again, on the same ports, and the sensor finds it.
    const former = fleet.pid;
    killNow(former);
    await waitFor('fleetd to run again', 60_000, () => Promise.resolve(said.length > 1));
    expect(said).toEqual([
      expect.stringMatching(/^fleetd was killed by SIGKILL; it is started again in 1 s\./),
      'fleetd runs again, at http://localhost:27832/',
    ]);
    expect(fleet.pid).not.toBe(former);
    await sensor.up();
  } finally {
    await sensor.dispose();
    await fleet.stop();
  }
  // The sensor is known: no token is printed for one of its name.
  const again = await openFleet(at, place, ['lab'], say, program);
  try {
    expect([again.words.setUpCode, again.words.joinTokens.size]).toEqual([undefined, 0]);
  } finally {
    await again.stop();
  }
});
