import Database from 'better-sqlite3';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { inBatches } from '../../../fleet-ui/server/sensors/batches.ts';

let db: Database.Database;
beforeEach(() => {
  db = new Database(':memory:');
  db.exec('CREATE TABLE t (n INTEGER)');
});
afterEach(() => {
  db.close();
});
const items = Array.from({ length: 45 }, (_, n) => n);

test('what is done to many leaves turns to everybody else, and keeps their order', async () => {
  let turn = 0;
  let again = setImmediate(function count() {
    turn += 1;
    again = setImmediate(count);
  });
  const results = await inBatches(db, items, (n) => ({ n, turn }));
  clearImmediate(again);
  expect(results.map(({ n }) => n)).toEqual(items);
  expect(new Set(results.map((one) => one.turn)).size).toBeGreaterThanOrEqual(3);
});

test('what fails undoes its own batch and ends the work; what was done before stays', async () => {
  const done = inBatches(db, items, (n) => {
    db.prepare('INSERT INTO t VALUES (?)').run(n);
    if (n === 30) throw new Error('no');
  });
  await expect(done).rejects.toThrow('no');
  expect(db.prepare('SELECT count(*) FROM t').pluck().get()).toBe(20);
});
