import { stat } from 'node:fs/promises';
import { request } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { instrumentsText } from '../../../platform/cli/wording.ts';
import type { InstrumentStatus } from '@bulkhead/platform/contracts';
import { waitFor } from '@bulkhead/platform/kernel';
import { startTestSensor, type TestSensor } from '../../support/sensor.ts';

let sensor: TestSensor;

beforeAll(async () => {
  sensor = await startTestSensor('b8u', configuration({ ui: true }));
});

afterAll(async () => {
  await sensor.remove();
});

function configuration({ ui, enabled = true }: { ui: boolean; enabled?: boolean }) {
  return {
    version: 1,
    sensor: { name: 'lab' },
    instruments: [{ name: 'rules', package: 'rule-manager', enabled, grants: { ui } }],
  };
}

test('a granted page is served on its socket, and the status says where; a restart of sensord leaves it as it is', async () => {
  const { page, pid } = await served();
  expect(page?.title).toBe('Rules');
  const socket = page?.socket ?? '';
  expect(socket).toBe(`${sensor.site.runDir}/ui/rules.sock`);
  expect(instrumentsText([await rules()])).toContain(`web page of rules: Rules, for root on ${socket}`);
  const html = await waitFor('the page', 60_000, () => get(socket, '/').catch(() => undefined));
  expect(html).toContain('src="app.js"');
  expect(JSON.parse(await get(socket, '/api/me'))).toMatchObject({ user: 'anna', canChange: true });
  const before = await stat(socket);
  await sensor.endSensord('SIGKILL');
  expect(await get(socket, '/')).toBe(html);
  await sensor.startSensord();
  expect((await served()).pid).toBe(pid);
  expect((await stat(socket)).ino).toBe(before.ino);
});

test('revoked it is gone while the instrument runs on; given again it is back; a stopped instrument has none', async () => {
  const { pid, page } = await served();
  const socket = page?.socket ?? '';
  await change(configuration({ ui: false }));
  await expect(stat(socket)).rejects.toMatchObject({ code: 'ENOENT' });
  const after = await rules();
  expect([after.pid, after.page]).toEqual([pid, undefined]);
  await change(configuration({ ui: true }));
  expect((await served()).pid).toBe(pid);
  expect(await get(socket, '/')).toContain('src="app.js"');
  await change(configuration({ ui: true, enabled: false }));
  await expect(stat(socket)).rejects.toMatchObject({ code: 'ENOENT' });
});

async function change(config: unknown): Promise<void> {
  await sensor.configure(config);
  await sensor.client.reload();
}

async function rules(): Promise<InstrumentStatus> {
  const found = (await sensor.status()).instruments.find(({ name }) => name === 'rules');
  if (found === undefined) throw new Error('the instrument is gone');
  return found;
}

async function served(): Promise<InstrumentStatus> {
  let last: unknown;
  try {
    return await waitFor('the page to be served', 120_000, async () => {
      const now = await rules();
      last = now;
      return now.page?.state === 'served' ? now : undefined;
    });
  } catch (cause) {
    throw new Error(`${JSON.stringify(last)}\n${(await sensor.log()).slice(-4_000)}`, { cause });
  }
}

async function get(socketPath: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { 'x-bulkhead-user': 'anna', 'x-bulkhead-roles': 'operator' };
    request({ socketPath, path, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (text += chunk));
      response.on('end', () => {
        resolve(text);
      });
    })
      .once('error', reject)
      .end();
  });
}
