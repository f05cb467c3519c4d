import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ConfigResult, DesiredConfig } from '@bulkhead/platform/contracts/fleet';
import { BulkheadError, openLog, waitFor } from '@bulkhead/platform/kernel';
import { DesiredConfigs } from '../../../platform/fleet-link/desired-config.ts';
import { proveLink } from '../../../platform/fleet-link/link-proof.ts';
import { MembershipStore } from '../../../platform/fleet-link/membership.ts';
import { PACE as IN_THE_FIELD } from '../../../platform/fleet-link/reconnect.ts';

const PACE = { graceMs: 40, lostMs: 200, everyMs: 20 };
let dir: string;
let told: ConfigResult[];
let back: [number, number][];
let reached: boolean;
let conflict: boolean;
/** The sensor ends while it goes back. */
let ending: boolean;
let pace: typeof PACE;
const opened: DesiredConfigs[] = [];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'bulkhead-proof-'));
  [told, back, reached, conflict, ending, pace] = [[], [], true, false, false, PACE];
});
afterEach(async () => {
  for (const one of opened.splice(0)) await one.stop();
  await rm(dir, { recursive: true, force: true });
});

const store = () => new MembershipStore(dir);
async function open(): Promise<DesiredConfigs> {
  const desired = new DesiredConfigs({
    log: openLog('test', 'silent'),
    store: store(),
    check: async () => undefined,
    // Revision 5 of the fleet is the sensor's own 105.
    apply: async (document) => {
      const revision = 100 + Number(document);
      return { revision, before: revision - 1 };
    },
    report: (result) => told.push(result),
    proof: {
      reached: () => reached,
      goBack: async (from, to) => {
        back.push([from, to]);
        if (conflict)
          throw new BulkheadError({ code: 'SENSORD_CONFIG_CONFLICT', message: 'somebody was quicker' });
        if (ending)
          throw new BulkheadError({ code: 'FLEET_LINK_CONFIG_INTERRUPTED', message: 'the sensor ends' });
      },
      pace,
    },
  });
  await desired.open();
  desired.prove();
  opened.push(desired);
  return desired;
}

const wanted = (revision: number): DesiredConfig => ({
  ...{ revision, configYaml: Buffer.from(String(revision)), author: 'ada', reason: '' },
});
const bring = async (desired: DesiredConfigs, revision: number) => {
  desired.receive(wanted(revision));
  await desired.idle();
};
const settled = (desired: DesiredConfigs) =>
  waitFor('the proof', 20_000, () => (desired.record?.back === 0 ? true : undefined));

test('two minutes without its fleet are enough for a sensor, unless its pace says otherwise', () => {
  expect(IN_THE_FIELD.proof.lostMs).toBe(120_000);
  // Three heartbeats are three seconds.
  expect(IN_THE_FIELD.proof.graceMs).toBeGreaterThan(3_500);
});

test('a fleet that is reached proves the configuration; one that is not takes it back', async () => {
  const never = new AbortController().signal;
  expect(await proveLink(() => true, PACE, never)).toBe('held');
  expect(await proveLink(() => false, PACE, never)).toBe('lost');
  expect(await proveLink(() => false, PACE, AbortSignal.abort())).toBe('ended');
  // A link that only has not been missed yet proves nothing.
  let asked = 0;
  expect(await proveLink(() => (asked += 1) > 2, PACE, never)).toBe('held');
});

test('what holds stays in force, also over a restart', async () => {
  const desired = await open();
  await bring(desired, 5);
  expect(desired.record).toMatchObject({ state: 'applied', back: 104, backInForce: 0 });
  await settled(desired);
  expect(desired.record).toMatchObject({ state: 'applied', inForce: 5 });
  expect(back).toEqual([]);
  await desired.stop();
  expect((await open()).record).toMatchObject({ state: 'applied', inForce: 5, back: 0 });
});

test('a sensor that lost its fleet goes back once, and tells it when it is there again', async () => {
  const desired = await open();
  await bring(desired, 5);
  await settled(desired);
  reached = false;
  await bring(desired, 6);
  await settled(desired);
  expect(back).toEqual([[106, 105]]);
  expect(desired.record).toMatchObject({ state: 'failed', code: 'FLEET_LINK_CONFIG_LINK_LOST', inForce: 5 });
  // The fleet hears of a lower revision in force, and sends its newest again.
  reached = true;
  told = [];
  desired.receive(wanted(6));
  expect(told).toMatchObject([{ revision: 6, ok: false, code: 'FLEET_LINK_CONFIG_LINK_LOST' }]);
  await bring(desired, 7);
  await settled(desired);
  expect(desired.record).toMatchObject({ state: 'applied', inForce: 7 });
  expect(back).toHaveLength(1);
});

test('a restart in between does not end the proof', async () => {
  reached = false;
  const first = await open();
  await bring(first, 6);
  await first.stop();
  expect(first.record?.back).toBe(105);
  expect(back).toEqual([]);
  const second = await open();
  await settled(second);
  expect(back).toEqual([[106, 105]]);
  expect(second.record?.state).toBe('failed');
});

test('a sensor that ends while it goes back goes back after its next start', async () => {
  [reached, ending] = [false, true];
  const first = await open();
  await bring(first, 6);
  await waitFor('the way back', 20_000, () => (back.length > 0 ? true : undefined));
  await first.stop();
  expect((await store().desired())?.back).toBe(105);
  ending = false;
  const second = await open();
  await settled(second);
  expect(back).toEqual([
    [106, 105],
    [106, 105],
  ]);
  expect(second.record).toMatchObject({ state: 'failed', code: 'FLEET_LINK_CONFIG_LINK_LOST' });
});

test('who changed the configuration at the sensor meanwhile is not overruled', async () => {
  [reached, conflict] = [false, true];
  const desired = await open();
  await bring(desired, 6);
  await settled(desired);
  expect(back).toEqual([[106, 105]]);
  expect(desired.record).toMatchObject({ state: 'applied', inForce: 6 });
});

test('what comes from the fleet proves that it is reached; another fleet counts anew', async () => {
  reached = false;
  pace = { ...PACE, lostMs: 2_000 };
  const desired = await open();
  await bring(desired, 5);
  await bring(desired, 6);
  reached = true;
  await settled(desired);
  expect(back).toEqual([]);
  reached = false;
  await bring(desired, 7);
  await desired.forget();
  await new Promise((resolve) => setTimeout(resolve, pace.lostMs + 500));
  expect(back).toEqual([]);
});
