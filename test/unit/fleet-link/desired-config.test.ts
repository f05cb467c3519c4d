import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ConfigResult, DesiredConfig } from '@bulkhead/platform/contracts/fleet';
import { BulkheadError, openLog } from '@bulkhead/platform/kernel';
import { DesiredConfigs } from '../../../platform/fleet-link/desired-config.ts';
import { MembershipStore } from '../../../platform/fleet-link/membership.ts';

let dir: string;
let told: ConfigResult[];
let applied: string[];
/** What applying waits for, when it should take long. */
let gate: Promise<void> | undefined;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'bulkhead-desired-'));
  [told, applied, gate] = [[], [], undefined];
});
afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

async function open(): Promise<DesiredConfigs> {
  const desired = new DesiredConfigs({
    log: openLog('test', 'silent'),
    store: new MembershipStore(dir),
    check: async (document) => {
      if (document.includes('cuts'))
        throw new BulkheadError({ code: 'FLEET_LINK_CONFIG_CUTS_OFF', message: 'no' });
    },
    apply: async (document) => {
      applied.push(document);
      await gate;
      return { revision: applied.length };
    },
    report: (result) => told.push(result),
  });
  await desired.open();
  return desired;
}

function wanted(revision: number, text = `document ${String(revision)}`): DesiredConfig {
  return { revision, configYaml: Buffer.from(text), author: 'ada', reason: '' };
}

test('each revision once, whoever restarts', async () => {
  const one = await open();
  one.receive(wanted(3));
  await one.idle();
  const two = await open();
  expect(two.inForce).toBe(3);
  two.receive(wanted(3));
  two.receive(wanted(2));
  await two.idle();
  expect(applied).toEqual(['document 3']);
  expect(told.map(({ revision, ok, code }) => [revision, ok, code])).toEqual([
    [3, true, ''],
    [3, true, ''],
    [2, false, 'FLEET_LINK_CONFIG_OLD'],
  ]);
  expect((await stat(join(dir, 'desired.json'))).mode & 0o777).toBe(0o600);
});

test('of those that wait only the newest is tried', async () => {
  let go: () => void = () => undefined;
  gate = new Promise((resolve) => {
    go = resolve;
  });
  const desired = await open();
  desired.receive(wanted(1));
  await expect.poll(() => applied.length).toBe(1);
  for (const revision of [2, 3, 4]) desired.receive(wanted(revision));
  go();
  await desired.idle();
  expect(applied).toEqual(['document 1', 'document 4']);
  expect(told.map(({ revision, code }) => [revision, code])).toEqual([
    [2, 'FLEET_LINK_CONFIG_SUPERSEDED'],
    [3, 'FLEET_LINK_CONFIG_SUPERSEDED'],
    [1, ''],
    [4, ''],
  ]);
});

test('one during which the sensor died is not tried again by itself, and the one before stays in force', async () => {
  const one = await open();
  one.receive(wanted(1));
  await one.idle();
  gate = new Promise(() => undefined);
  one.receive(wanted(2));
  await expect.poll(() => readFile(join(dir, 'desired.json'), 'utf8')).toContain('"applying"');

  const two = await open();
  expect(two.record).toMatchObject({ revision: 2, state: 'failed', inForce: 1 });
  two.receive(wanted(2));
  await two.idle();
  expect(applied).toHaveLength(2);
  expect(told.at(-1)).toMatchObject({ revision: 2, ok: false, code: 'FLEET_LINK_CONFIG_INTERRUPTED' });
});

test('what is refused is refused once and remembered, and a later one may be better', async () => {
  const desired = await open();
  desired.receive(wanted(1, 'cuts me off'));
  await desired.idle();
  desired.receive(wanted(1, 'cuts me off'));
  desired.receive(wanted(2));
  await desired.idle();
  expect(told.map(({ revision, code }) => [revision, code])).toEqual([
    [1, 'FLEET_LINK_CONFIG_CUTS_OFF'],
    [1, 'FLEET_LINK_CONFIG_CUTS_OFF'],
    [2, ''],
  ]);
  expect(applied).toEqual(['document 2']);
});

test('a record that cannot be read is begun anew', async () => {
  await writeFile(join(dir, 'desired.json'), '{"version":1,');
  const desired = await open();
  expect(desired.inForce).toBe(0);
  desired.receive(wanted(9));
  await desired.idle();
  expect(told).toMatchObject([{ revision: 9, ok: true }]);
});

test('a number that comes again with another document, from a fleet restored from a backup, is not taken for the same', async () => {
  const one = await open();
  one.receive(wanted(1));
  one.receive(wanted(2));
  await one.idle();
  const two = await open();
  two.receive(wanted(2, 'another document'));
  await two.idle();
  expect(told.at(-1)).toMatchObject({ revision: 2, ok: false, code: 'FLEET_LINK_CONFIG_OLD' });
  expect(applied).not.toContain('another document');
  // What failed here stands in nobody's way: its number may be of something else, and so may the ones below it.
  two.receive(wanted(5, 'cuts off'));
  await two.idle();
  two.receive(wanted(4));
  await two.idle();
  expect(two.inForce).toBe(4);
  two.receive(wanted(5, 'cuts no more'.replace('cuts', 'ends')));
  await two.idle();
  expect([two.inForce, applied.at(-1)]).toEqual([5, 'ends no more']);
});
