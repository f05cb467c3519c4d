import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { BACKUP_NOTE_FILE, fleetSettings, SETTINGS_MIGRATIONS } from '@bulkhead/fleet-server/settings';
import { openStore, type Store } from '@bulkhead/fleet-server/store';
import { openLog } from '@bulkhead/platform/kernel';
import { certificateTone } from '../../../fleet-ui/web/src/pages/settings/certificate-tone.ts';
import { lossOf } from '../../../fleet-ui/web/src/pages/settings/keeping-loss.ts';

const DAY_MS = 86_400_000;
let dir: string;
let store: Store;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'fleet-settings-'));
  store = openStore({ dir, migrations: SETTINGS_MIGRATIONS, log: openLog('test', 'silent') });
});
afterEach(() => {
  store.close();
  rmSync(dir, { recursive: true, force: true });
});

const attention = (days: number) =>
  fleetSettings({
    ...{
      db: store.db,
      stateDir: dir,
      keeping: { retentionDays: 90, storeMib: 64 },
      configFile: '/etc/f.yaml',
    },
    certificates: () => [],
    clock: () => Date.now() + days * DAY_MS,
  }).feature.attention?.();
const note = (text: string) => {
  writeFileSync(join(dir, BACKUP_NOTE_FILE), text);
};

test('thirty days without a backup need attention, from the first day of the fleet or from the last backup', () => {
  expect(attention(29)).toEqual([]);
  expect(attention(31)).toMatchObject([
    { id: 'backup', title: 'No backup of the fleet was ever made', link: '/settings/backup' },
  ]);
  expect(attention(31)?.[0]?.text).toContain('fleetd backup FILE --config /etc/f.yaml');
  note(JSON.stringify({ at: new Date(Date.now() + 10 * DAY_MS).toISOString(), file: '/b', bytes: 1 }));
  expect(attention(39)).toEqual([]);
  expect(attention(41)).toMatchObject([{ title: 'The last backup of the fleet is older than 30 days' }]);
});

test.each(['', '{', '[]', '{"at":"yesterday","file":"/b","bytes":1}', 'x'.repeat(100_000)])(
  'a damaged note counts as none',
  (text) => {
    note(text);
    expect(attention(29)).toEqual([]);
    expect(attention(31)).toMatchObject([{ id: 'backup' }]);
  },
);

test('what smaller limits destroy is known before', () => {
  const now = Date.parse('2026-11-21T12:00:00Z');
  const kept = { bytes: 1_000 * 1024 * 1024, oldest: '2026-08-30T12:00:00Z' };
  expect(lossOf({ retentionDays: 90, storeMib: 2_000 }, kept, now)).toEqual({ before: undefined, bytes: 0 });
  expect(lossOf({ retentionDays: 30, storeMib: 1_000 }, kept, now)).toEqual({
    before: '2026-10-22T12:00:00.000Z',
    bytes: 100 * 1024 * 1024,
  });
  expect(lossOf({ retentionDays: 1, storeMib: 64 }, { bytes: 0 }, now)).toEqual({
    before: undefined,
    bytes: 0,
  });
});

test('a certificate says how it stands', () => {
  const of = (what: string, days: number) =>
    certificateTone(
      { what, notBefore: '2026-01-01T00:00:00Z', notAfter: '2026-11-21T00:00:00Z' },
      Date.parse('2026-11-21T00:00:00Z') - days * DAY_MS,
    );
  expect([of('web', 15), of('web', 13), of('web', -1), of('ca', 300)].map(([, word]) => word)).toEqual([
    'valid',
    'ends soon',
    'ended',
    'ends soon',
  ]);
});
