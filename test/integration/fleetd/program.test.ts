import { copyFileSync, readdirSync, readFileSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { site } from '@bulkhead/platform/kernel';
import { openFleet } from '../../../scripts/src/start/fleet-process.ts';
import { bundleProgram } from '../../support/bundle-program.ts';
import { openTestSensor } from '../../support/fleet-link/test-sensor.ts';
import { fleetProgramDir } from '../../support/fleet/running-fleet.ts';

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

test('fleetd as it ships runs beside a sensor without any right of root, and the sensor joins it', async () => {
  const at = site({ prefix: 'bf9', natsPort: 47_831 });
  const place = join(dir, 'run');
  const fleet = await openFleet(at, place, 'lab', program);
  const sensor = await openTestSensor();
  try {
    const status = readFileSync(`/proc/${String(fleet.pid)}/status`, 'utf8');
    expect(/^Uid:\s+(\d+)/m.exec(status)?.[1]).toBe('65231');
    expect(/^CapEff:\s+(\w+)/m.exec(status)?.[1]).toBe('0000000000000000');
    expect(fleet.url).toBe('http://localhost:47832/');
    expect(JSON.parse((await ask(fleet.url, '/api/v1/about')).text)).toMatchObject({ setUpNeeded: true });
    await sensor.link.join({ token: fleet.joinToken ?? '' });
    await sensor.up();
    // The password goes through the native part.
    const person = { code: fleet.setUpCode, name: 'anna', password: 'seven quiet lanterns drift past noon' };
    const setUp = await ask(fleet.url, '/api/v1/session/set-up', person);
    expect([setUp.status, setUp.cookie]).toEqual([200, expect.stringContaining('HttpOnly')]);
  } finally {
    await sensor.dispose();
    await fleet.stop();
  }
  // The sensor is known: no token is printed for one of its name.
  const again = await openFleet(at, place, 'lab', program);
  expect([again.setUpCode, again.joinToken]).toEqual([undefined, undefined]);
  await again.stop();
});
