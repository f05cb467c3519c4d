import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { GrantsMatrix, StoredEvent } from '@bulkhead/platform/contracts';
import { run, sitePaths, waitFor } from '@bulkhead/platform/kernel';
import {
  LAB_RULES,
  LAB_SOURCES,
  openRuleDesk,
  runChain,
  type DeployGlance,
  type RuleDesk,
  type SourceGlance,
  type VersionGlance,
} from '@bulkhead/scripts';
import { startLabSensor, type LabSensor } from '../support/lab-sensor.ts';

const BULKHEAD = fileURLToPath(new URL('../../build/bulkhead.mjs', import.meta.url));
const LONG_MS = 120_000;

let world: LabSensor;
let desk: RuleDesk;
/** The first ruleset that went live. */
let first = '';

beforeAll(async () => {
  world = await startLabSensor('b8k', { managed: true });
  desk = openRuleDesk(sitePaths(world.sensor.site).pageSocket('rule-manager'));
}, 300_000);

afterAll(async () => {
  await desk.close();
  await world.remove();
}, 180_000);

async function bulkhead(...args: string[]): Promise<string> {
  const socket = sitePaths(world.sensor.site).sensordSocket;
  return (await run(process.execPath, [BULKHEAD, '--socket', socket, ...args])).stdout;
}

/** Has the downloader look at the source at once. */
async function lookAgain(): Promise<void> {
  const wish = { instrument: 'rule-manager', name: `source-${LAB_SOURCES.rules}` };
  await world.sensor.client.post('/downloads/now', wish).catch(() => undefined);
}

/** Has the downloader look again, and waits until the rule manager has read an edition with so many rules. */
async function fetchAgain(rules: number): Promise<void> {
  await waitFor(
    `an edition with ${String(rules)} rules`,
    LONG_MS,
    async () => {
      const { sources } = await desk.ask<{ sources: SourceGlance[] }>('sources.list', {});
      if (sources.find(({ name }) => name === LAB_SOURCES.rules)?.rules.all === rules) return true;
      await lookAgain();
      return false;
    },
    { intervalMs: 1_000 },
  );
}

/** Orders a deployment and waits for its end, whatever that is. */
async function order(operation: 'ruleset.deploy' | 'ruleset.rollback'): Promise<DeployGlance> {
  const { job } = await waitFor('the rule manager to be free', LONG_MS, () =>
    desk.ask<{ job: DeployGlance }>(operation, { reason: 'test' }).catch((error: unknown) => {
      if ((error as { fields?: { code?: string } }).fields?.code === 'RULES_BUSY') return undefined;
      throw error;
    }),
  );
  return waitFor(
    'the job to end',
    LONG_MS,
    async () => {
      const { jobs } = await desk.ask<{ jobs: DeployGlance[] }>('jobs.list', { limit: 10 });
      const now = jobs.find(({ id }) => id === job.id);
      return now !== undefined && ['done', 'failed', 'aborted'].includes(now.state) ? now : undefined;
    },
    { intervalMs: 200 },
  );
}

async function versions(): Promise<VersionGlance[]> {
  return (await desk.ask<{ versions: VersionGlance[] }>('versions.list', {})).versions;
}

async function liveVersion(): Promise<string | undefined> {
  return (await versions()).find(({ state }) => state === 'live')?.id;
}

const signature = ({ record }: StoredEvent): unknown =>
  (record['alert'] as { signature_id?: unknown }).signature_id;

test('from the rule source to an alert with names: every part is real and granted', async () => {
  const report = await runChain(
    {
      client: world.sensor.client,
      pageSocket: sitePaths(world.sensor.site).pageSocket('rule-manager'),
      source: world.lab.ruleSource,
      attack: (kind) => world.lab.attack(kind),
      timeoutMs: LONG_MS,
      signal: AbortSignal.timeout(280_000),
    },
    (_name, _title, work) => work(() => undefined),
  );
  first = report.version;
  expect(report.alert).toMatchObject({ instrument: 'suricata', type: 'alert' });
  expect(signature(report.alert)).toBe(LAB_RULES.commandAndControl);
  expect(report.names).toMatchObject({ instrument: 'passive-dns', record: { cites: report.alert.id } });
  expect(JSON.stringify(report.names.record)).toContain('c2.malware-beacon.example');
  expect(await liveVersion()).toBe(first);
});

test('`bulkhead grants matrix` shows every path of it', async () => {
  const { edges } = JSON.parse(await bulkhead('--json', 'grants', 'matrix')) as GrantsMatrix;
  const between = (from: string, to: string): string =>
    edges
      .filter((edge) => edge.from === from && edge.to === to)
      .map(({ what }) => what)
      .join(' ');
  for (const command of ['ruleset.test', 'ruleset.apply', 'ruleset.job', 'ruleset.status'])
    expect(between('rule-manager', 'suricata')).toContain(command);
  expect(between('suricata', 'passive-dns')).toContain('alert');
  expect(edges.some(({ kind }) => kind === 'download')).toBe(true);
  expect(edges.some(({ kind }) => kind === 'delivery')).toBe(true);
  // Nobody but the rule manager commands the IDS.
  const others = edges.filter(
    ({ to, kind, from }) => to === 'suricata' && kind === 'message' && from !== 'rule-manager',
  );
  expect(others).toEqual([]);
  const words = await bulkhead('grants', 'matrix');
  expect(words).toContain('rule-manager');
  expect(words).toContain('suricata');
});

test('a later edition goes live; one step back brings the one before', async () => {
  await world.lab.ruleSource.serve('second');
  await fetchAgain(3);
  const deployed = await order('ruleset.deploy');
  expect(deployed).toMatchObject({ state: 'done' });
  expect(deployed.version).not.toBe(first);
  expect(await liveVersion()).toBe(deployed.version);
  const since = new Date().toISOString();
  await world.lab.attack('shellshock');
  await world.sensor.event(
    'alert of the new rule',
    { type: 'alert', since },
    (event) => signature(event) === LAB_RULES.status,
  );

  expect(await order('ruleset.rollback')).toMatchObject({ state: 'done', version: first });
  expect(await liveVersion()).toBe(first);
});

test('ABUSE 107: a ruleset at the source that does not compile never goes live, and is shown', async () => {
  await world.lab.ruleSource.serve('broken');
  await fetchAgain(2);
  const job = await order('ruleset.deploy');
  expect(job.state).toBe('failed');
  expect(JSON.stringify(job)).toContain('no_such_keyword');
  expect(await liveVersion()).toBe(first);
  expect((await versions()).filter(({ state }) => state === 'refused')).toHaveLength(1);
  await seesTheAttack();
});

/** The IDS never looked away. */
async function seesTheAttack(): Promise<void> {
  const since = new Date().toISOString();
  await world.lab.attack('tls-bad-sni');
  await world.sensor.event(
    'alert of the rules that stayed',
    { type: 'alert', since },
    (event) => signature(event) === LAB_RULES.commandAndControl,
  );
}
