import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import Database from 'better-sqlite3';
import { fleetd as program, parseConfig, startFleet, type FleetService } from '@bulkhead/fleet-server/fleetd';
import { openLog, site, sitePaths } from '@bulkhead/platform/kernel';
import { fleetProgramDir } from '../../support/fleet/running-fleet.ts';

const log = openLog('test', 'silent');
let root: string;
let programs: string;
let configFile: string;
let running: FleetService | undefined;

beforeAll(async () => {
  programs = mkdtempSync(join(tmpdir(), 'fleet-programs-'));
  await fleetProgramDir(programs);
});
afterAll(() => {
  rmSync(programs, { recursive: true, force: true });
});
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'fleet-backup-'));
  configFile = join(root, 'fleetd.yaml');
  writeFileSync(
    configFile,
    'stateDir: state\nweb: { address: 127.0.0.1, port: 0, plainHttp: true }\nlink: { address: 127.0.0.1, port: 0 }\n',
  );
});
afterEach(async () => {
  await running?.stop();
  running = undefined;
  rmSync(root, { recursive: true, force: true });
});

const start = async (stateDir: string) => {
  running = await startFleet(
    parseConfig(
      {
        stateDir,
        web: { address: '127.0.0.1', port: 0, plainHttp: true },
        link: { address: '127.0.0.1', port: 0 },
        events: { natsServer: sitePaths(site()).natsServer },
      },
      root,
    ),
    log,
    join(programs, 'program'),
  );
  return running;
};
const stop = async () => {
  await running?.stop();
  running = undefined;
};
const fleetd = (...argv: string[]) => program([...argv, '--allow-root']);
const caOf = (state: string) =>
  Object.fromEntries(
    readdirSync(join(root, state, 'ca')).map((name) => [
      name,
      readFileSync(join(root, state, 'ca', name), 'utf8'),
    ]),
  );
const digest = (file: string) => readFileSync(file).toString('base64');

test('a backup taken while the fleet runs comes back whole in an empty place: people, keys, configuration', async () => {
  const fleet = await start('state');
  const backup = join(root, 'fleet.backup');
  expect(await fleetd('backup', backup, '--config', configFile)).toBe(0);
  expect(statSync(backup).mode & 0o777).toBe(0o600);
  expect(
    (await fleet.web.app.inject({ url: '/api/v1/health', headers: { host: 'localhost' } })).statusCode,
  ).toBe(200);
  await stop();

  // Another machine: the configuration is gone with the rest.
  const elsewhere = join(root, 'other', 'fleetd.yaml');
  expect(await fleetd('restore', backup, '--config', elsewhere)).toBe(0);
  expect(readFileSync(elsewhere, 'utf8')).toBe(readFileSync(configFile, 'utf8'));
  expect(caOf('other/state')['ca.key']).toBe(caOf('state')['ca.key']);
  for (const name of ['.', 'fleet.db', 'ca', 'ca/ca.key']) {
    expect([name, statSync(join(root, 'other/state', name)).mode & 0o077]).toEqual([name, 0]);
  }
  const before = new Database(join(root, 'state/fleet.db'), { readonly: true });
  const after = new Database(join(root, 'other/state/fleet.db'), { readonly: true });
  const tables = (db: Database.Database) =>
    db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").pluck().all();
  expect(tables(after)).toEqual(tables(before));
  before.close();
  after.close();
  const restored = await start('other/state');
  expect(
    (await restored.web.app.inject({ url: '/api/v1/health', headers: { host: 'localhost' } })).statusCode,
  ).toBe(200);
});

test('what is there is never overwritten: no backup over a file, no restore over a fleet', async () => {
  await start('state');
  await stop();
  const backup = join(root, 'fleet.backup');
  writeFileSync(backup, 'mine');
  expect(await fleetd('backup', backup, '--config', configFile)).toBe(1);
  expect(readFileSync(backup, 'utf8')).toBe('mine');
  const good = join(root, 'good.backup');
  expect(await fleetd('backup', good, '--config', configFile)).toBe(0);
  const before = digest(join(root, 'state/fleet.db'));
  expect(await fleetd('restore', good, '--config', configFile)).toBe(1);
  expect(digest(join(root, 'state/fleet.db'))).toBe(before);
  expect(readdirSync(root).filter((name) => name.startsWith('.'))).toEqual([]);
});

test('a file that is no backup, or a damaged one, is refused and nothing is changed', async () => {
  await start('state');
  await stop();
  const good = join(root, 'good.backup');
  expect(await fleetd('backup', good, '--config', configFile)).toBe(0);
  const bytes = readFileSync(good);
  const key = Buffer.from(caOf('state')['ca.key'] ?? '').subarray(40, 60);
  const at = bytes.indexOf(key);
  expect(at).toBeGreaterThan(0);
  const flipped = Buffer.from(bytes);
  flipped[at] = (flipped[at] ?? 0) ^ 0x01;
  const bad: Record<string, Buffer> = {
    'text.backup': Buffer.from('hello'),
    'cut.backup': bytes.subarray(0, bytes.length / 2),
    'flipped.backup': flipped,
    'database.backup': readFileSync(join(root, 'state/fleet.db')),
  };
  for (const [name, data] of Object.entries(bad)) {
    writeFileSync(join(root, name), data);
    const config = join(root, 'new', name, 'fleetd.yaml');
    expect([name, await fleetd('restore', join(root, name), '--config', config)]).toEqual([name, 1]);
  }
  expect(readdirSync(root)).not.toContain('new');
});

test('a backup that names files outside is refused', async () => {
  await start('state');
  await stop();
  const file = join(root, 'evil.backup');
  expect(await fleetd('backup', file, '--config', configFile)).toBe(0);
  const db = new Database(file);
  db.prepare("UPDATE backup_files SET name = 'ca/../../escaped' WHERE name = 'ca/ca.key'").run();
  db.close();
  expect(await fleetd('restore', file, '--config', join(root, 'new/fleetd.yaml'))).toBe(1);
  expect(readdirSync(root)).not.toContain('new');
});

test('a state folder that others can look into is not used', async () => {
  mkdirSync(join(root, 'state'));
  chmodSync(join(root, 'state'), 0o755);
  expect(await fleetd('--config', configFile)).toBe(1);
});
