import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { run, sitePaths, waitFor } from '@bulkhead/platform/kernel';
import { startLabSensor, type LabSensor } from '../../support/lab-sensor.ts';

const BULKHEAD = fileURLToPath(new URL('../../../build/bulkhead.mjs', import.meta.url));

interface HistoryEntry {
  number: number;
  author: string;
  reason: string;
  result?: { state: string; error?: string; rolledBackTo?: number };
}

let world: LabSensor;

beforeAll(async () => {
  world = await startLabSensor('b6c');
}, 240_000);

afterAll(async () => {
  await world.remove();
}, 120_000);

/** The command as an operator runs it. */
async function bulkhead(args: string[], input?: string) {
  const socket = sitePaths(world.sensor.site).sensordSocket;
  return run(process.execPath, [BULKHEAD, '--socket', socket, ...args], {
    allowFailure: true,
    timeoutMs: 180_000,
    ...(input === undefined ? {} : { input }),
  });
}

async function history(): Promise<{ current: number; revisions: HistoryEntry[] }> {
  return JSON.parse((await bulkhead(['config', 'history', '--json'])).stdout) as {
    current: number;
    revisions: HistoryEntry[];
  };
}

async function inForce(): Promise<Record<string, unknown>> {
  return parse((await bulkhead(['config', 'get'])).stdout) as Record<string, unknown>;
}

async function pids(): Promise<Record<string, number | undefined>> {
  const { instruments } = await world.sensor.status();
  return Object.fromEntries(instruments.map(({ name, pid }) => [name, pid]));
}

/** The lab's configuration with other options for Suricata and another interval of the detection check. */
function changed(options: Record<string, unknown>, intervalS: number): string {
  return stringify({
    ...world.config,
    detectionCheck: { ...world.config.detectionCheck, intervalS },
    instruments: world.config.instruments.map((instrument) =>
      instrument.name === 'suricata' ? { ...instrument, options } : instrument,
    ),
  });
}

describe('the configuration and its history', () => {
  test('the file of the first start is revision 1, and status names it', async () => {
    const { current, revisions } = await history();
    expect(current).toBe(1);
    expect(revisions).toMatchObject([{ number: 1, author: 'file', result: { state: 'applied' } }]);
    expect(await inForce()).toEqual(world.config);
    expect((await world.sensor.status()).config.revision).toMatchObject({ number: 1, author: 'file' });
  });

  test('a dry run says what would be done and interrupted, and changes nothing', async () => {
    const before = await pids();
    const { stdout, exitCode } = await bulkhead(
      ['config', 'apply', '-', '--dry-run'],
      changed({ alertPayload: true }, 30),
    );
    expect(exitCode).toBe(0);
    expect(stdout).toContain('remove the container of suricata');
    expect(stdout).toContain('suricata is restarted: it is blind for some seconds');
    expect(stdout).not.toContain('capture-engine');
    const refused = await bulkhead(
      ['config', 'apply', '-', '--dry-run'],
      stringify({
        ...world.config,
        instruments: [...world.config.instruments, { name: 'ghost', package: 'ghost' }],
      }),
    );
    expect(refused.exitCode).toBe(1);
    expect(refused.stdout).toContain('ghost');
    expect((await history()).revisions).toHaveLength(1);
    expect(await pids()).toEqual(before);
  });

  test('a change that touches no container leaves every process as it is', async () => {
    const before = await pids();
    const applied = await bulkhead(
      ['config', 'apply', '-', '--reason', 'checked more often', '--author', 'ada'],
      changed({}, 20),
    );
    expect(applied.stdout + applied.stderr).toBe('revision 2 is in force\n');
    expect(await pids()).toEqual(before);
    expect((await history()).revisions.at(-1)).toMatchObject({
      number: 2,
      author: 'ada',
      reason: 'checked more often',
      result: { state: 'applied' },
    });
    expect((await bulkhead(['config', 'diff'])).stdout).toBe(
      '/detectionCheck/intervalS\n  - 30\n  + 20\n/instruments/suricata/options\n  + {}\n',
    );
    expect((await bulkhead(['config', 'diff', '1', '1'])).stdout).toBe('no difference\n');
  });

  test('ABUSE 111: a change that fails is rolled back as a whole, and is in the history as failed, not as what is in force', async () => {
    const before = await pids();
    const failed = await bulkhead(
      ['config', 'apply', '-', '--json', '--reason', 'a slip'],
      changed({ noSuchOption: true }, 300),
    );
    expect(failed.exitCode).toBe(1);
    expect(JSON.parse(failed.stdout)).toMatchObject({
      error: { code: 'SENSORD_CONFIG_ROLLED_BACK', fields: { revision: 3, rolledBackTo: 2 } },
    });
    const { current, revisions } = await history();
    expect(current).toBe(2);
    expect(revisions.at(-1)).toMatchObject({ number: 3, result: { state: 'failed', rolledBackTo: 2 } });
    expect(revisions.at(-1)?.result?.error).toContain('suricata');
    expect((await bulkhead(['config', 'history'])).stdout).toMatch(/^\*2 .*in force/m);
    expect(await inForce()).toEqual(parse(changed({}, 20)));
    const { config, attention } = await world.sensor.status();
    expect(config).toMatchObject({ revision: { number: 2 } });
    expect(config.lastError).toContain('SENSORD_CONFIG_ROLLED_BACK');
    expect(attention.join()).toContain('refused');
    await waitFor('suricata to be as it was', 90_000, async () =>
      (await world.sensor.status()).instruments.every(
        ({ state, health }) => state === 'running' && health === 'ok',
      ),
    );
    expect((await pids())['capture-engine']).toBe(before['capture-engine']);
  });

  test('a wrong document, a monitor that cannot be one, and an outdated change are refused with nothing tried', async () => {
    const refusals = [
      [stringify({ ...world.config, surprise: 1 }), [], 'SENSORD_CONFIG_INVALID'],
      [
        stringify({ ...world.config, monitorInterfaces: [{ name: 'mon', device: 'lo' }] }),
        [],
        'SENSORD_CONFIG_UNUSABLE',
      ],
      [changed({}, 25), ['--expect-revision', '1'], 'SENSORD_CONFIG_CONFLICT'],
    ] as const;
    for (const [document, extra, code] of refusals) {
      const { exitCode, stderr } = await bulkhead(['config', 'apply', '-', ...extra], document);
      expect(stderr).toContain(code);
      expect(exitCode).toBe(1);
    }
    expect((await bulkhead(['config', 'get', '--revision', '99'])).exitCode).toBe(4);
    expect((await bulkhead(['config', 'rollback'])).exitCode).toBe(2);
    expect((await history()).revisions).toHaveLength(3);
  });

  test('concurrent changes are made one after another; with an expected revision only one of them wins', async () => {
    const both = await Promise.all(
      [40, 50].map((intervalS) =>
        bulkhead(['config', 'apply', '-', '--expect-revision', '2'], changed({}, intervalS)),
      ),
    );
    expect(both.map(({ exitCode }) => exitCode).sort()).toEqual([0, 1]);
    expect(both.map(({ stderr }) => stderr).join('')).toContain('SENSORD_CONFIG_CONFLICT');
    expect((await history()).current).toBe(4);
  });

  test('rolling back is a revision of its own', async () => {
    const back = await bulkhead(['config', 'rollback', '1', '--reason', 'as it was']);
    expect(back.stdout + back.stderr).toBe('revision 5 is in force\n');
    expect(await inForce()).toEqual(world.config);
    expect((await bulkhead(['config', 'rollback', '--last'])).stdout).toBe('revision 6 is in force\n');
    expect(await inForce()).not.toEqual(world.config);
    expect((await history()).revisions.at(-1)).toMatchObject({ restores: 4 });
  });
});

describe('a sensor that ends in the middle', () => {
  test('killed while a change is made: the next start has the last committed revision in force', async () => {
    const { current } = await history();
    const document = await inForce();
    const applying = bulkhead(['config', 'apply', '-'], changed({ alertPayload: true }, 35));
    await waitFor('the change to be under way', 60_000, async () => {
      const { config } = await world.sensor.status();
      return config.trying === current + 1;
    });
    await world.sensor.endSensord('SIGKILL');
    expect((await applying).exitCode).not.toBe(0);
    await world.sensor.startSensord();
    const after = await history();
    expect(after.current).toBe(current);
    expect(after.revisions.at(-1)).toMatchObject({
      number: current + 1,
      result: { state: 'failed', rolledBackTo: current },
    });
    expect(await inForce()).toEqual(document);
    await world.sensor.healthy();
  });

  test('a file that changed meanwhile is imported at the start; one that is spoilt is not, and the sensor starts', async () => {
    const before = await pids();
    const { current } = await history();
    await world.sensor.endSensord('SIGTERM');
    const next = { ...world.config, detectionCheck: { intervalS: 45, timeoutS: 15 } };
    await world.sensor.configure(next);
    await world.sensor.startSensord();
    await world.sensor.healthy();
    expect(await inForce()).toEqual(next);
    const imported = (await history()).current;
    expect(imported).toBeGreaterThan(current);
    await world.sensor.endSensord('SIGTERM');
    await world.sensor.configure({ ...next, surprise: true });
    await world.sensor.startSensord();
    const { config } = await world.sensor.healthy();
    expect(config).toMatchObject({ revision: { number: imported, author: 'file' } });
    expect(config.lastError).toContain('/surprise');
    expect(await pids()).toEqual(before);
  });

  test('ended in order while it takes a changed file in: the next start takes it in', async () => {
    const { current } = await history();
    const next: unknown = parse(changed({ alertPayload: true }, 40));
    await world.sensor.configure(next);
    const refused = world.sensor.client.reload().then(
      () => false,
      () => true,
    );
    await waitFor('the change to be under way', 60_000, async () => {
      const { config } = await world.sensor.status();
      return config.trying !== undefined;
    });
    await world.sensor.endSensord('SIGTERM');
    expect(await refused).toBe(true);
    await world.sensor.startSensord();
    await world.sensor.healthy();
    expect(await inForce()).toEqual(next);
    expect((await history()).current).toBeGreaterThan(current + 1);
  });
});
