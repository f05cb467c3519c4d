import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { testSensorId } from '../../support/fleet/sensor-ids.ts';
import { ASSETS_MIGRATIONS, Labels } from '../../../fleet-ui/server/assets/labels.ts';

test('nobody labels so much that there is no room for what others say', () => {
  const db = new Database(':memory:');
  for (const { sql } of ASSETS_MIGRATIONS) db.exec(sql);
  const labels = new Labels(db);
  const say = (n: number, person: string, name = 'a printer') =>
    labels.set(testSensorId(1), n.toString(16).padStart(8, '0'), {
      ...{ name, note: '', critical: false, at: 1 },
      by: { id: person, name: person },
    });
  db.transaction(() => {
    for (let n = 0; n < 2_000; n += 1) say(n, 'p_ann');
  })();
  expect(() => say(2_000, 'p_ann')).toThrow(expect.objectContaining({ code: 'FLEET_ASSETS_LABELS_FULL' }));
  expect(labels.get(testSensorId(1), '000007d0')).toBeUndefined();
  say(7, 'p_ann', 'another printer');
  say(2_000, 'p_bob');
  say(7, 'p_ann', '');
  say(2_001, 'p_ann');
  expect(labels.all()).toHaveLength(2_001);
});
