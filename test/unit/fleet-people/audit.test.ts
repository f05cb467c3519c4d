import { expect, test } from 'vitest';
import { AuditLog } from '../../../fleet-ui/server/people/audit.ts';
import { peopleTables } from '../../support/fleet/people-store.ts';

function open(entries = 0) {
  const clock = { now: 1_000_000_000_000 };
  const db = peopleTables();
  const log = new AuditLog(db, () => clock.now);
  for (let n = 1; n <= entries; n++) {
    clock.now += 1000;
    const person = n % 2 === 0 ? { id: 'p_aaaaaaaaaaaaaaaa', name: 'ada' } : { id: null, name: 'nobody' };
    log.write({ person, action: `sensors.act-${n}`, target: 's_1', facts: { n } });
  }
  return { clock, db, log };
}

/** What somebody with the file and without scruples does first. */
const withoutTriggers = (db: ReturnType<typeof peopleTables>) => {
  for (const name of ['people_audit_stays', 'people_audit_kept', 'people_audit_not_again'])
    db.exec(`DROP TRIGGER ${name}`);
};

test('lines are added and never changed, removed or put in again', async () => {
  const { db, log } = open(3);
  for (const sql of [
    "UPDATE people_audit SET name = 'eve' WHERE id = 2",
    'DELETE FROM people_audit',
    'INSERT OR REPLACE INTO people_audit SELECT * FROM people_audit WHERE id = 2',
    "INSERT INTO people_audit SELECT * FROM people_audit WHERE id = 2 ON CONFLICT DO UPDATE SET name = 'eve'",
  ]) {
    expect(() => db.exec(sql)).toThrow(/only added to/);
  }
  expect(await log.check()).toMatchObject({ whole: true, entries: 3, fault: null });
});

test('a line that was changed behind its back shows, whatever field it was', async () => {
  const fields = [
    'at',
    'person',
    'name',
    '"by"',
    'action',
    'target',
    'address',
    'outcome',
    'code',
    'facts',
    'hash',
  ];
  for (const field of fields) {
    const { db, log } = open(5);
    withoutTriggers(db);
    db.exec(`UPDATE people_audit SET ${field} = ${field === 'at' ? '5' : "'x'"} WHERE id = 3`);
    expect(await log.check(), field).toMatchObject({ whole: false, fault: { id: 3 } });
  }
});

test('a line that is missing shows, at the beginning, in the middle and at the end', async () => {
  for (const [gone, fault] of [
    ['id = 1', 1],
    ['id = 3', 3],
    ['id >= 4', 4],
    ['true', 1],
  ] as const) {
    const { db, log } = open(5);
    withoutTriggers(db);
    db.exec(`DELETE FROM people_audit WHERE ${gone}`);
    expect(await log.check(), gone).toMatchObject({ whole: false, fault: { id: fault } });
    // And goes on showing when further ones are written over it.
    for (let n = 0; n < 10; n++) log.write({ action: 'later' });
    expect(await log.check(), gone).toMatchObject({ whole: false, fault: { id: fault } });
  }
});

test('pages run from the newest to the oldest, filtered by who, what, when and how it ended', () => {
  const { log } = open(10);
  log.write({ action: 'sensors.odd%', outcome: 'refused', code: 'FLEET_X' });
  const first = log.page({ limit: 4 });
  expect(first.entries.map(({ id }) => id)).toEqual([11, 10, 9, 8]);
  const second = log.page({ limit: 100, before: first.next! });
  expect([second.entries.length, second.next]).toEqual([7, null]);
  const ids = (query: object) => log.page({ limit: 100, ...query }).entries.map(({ id }) => id);
  expect(ids({ person: 'p_aaaaaaaaaaaaaaaa' })).toEqual([10, 8, 6, 4, 2]);
  expect(ids({ action: 'sensors.act-1' })).toEqual([10, 1]);
  expect(ids({ action: '%' })).toEqual([]);
  expect(ids({ outcome: 'refused' })).toEqual([11]);
  expect(ids({ from: '2001-09-09T01:46:43Z', to: '2001-09-09T01:46:45Z' })).toEqual([4, 3]);
  expect([...log.all({ action: 'sensors.act' })]).toHaveLength(10);
});

test('what is written is one line of bounded length', () => {
  const { log } = open();
  log.write({
    action: 'a'.repeat(500),
    target: 'two\nlines\u001b[31m\u202e',
    facts: { long: 'x'.repeat(5000) },
  });
  const [entry] = log.page({ limit: 1 }).entries;
  expect(entry!.action).toHaveLength(120);
  expect(entry!.target).toBe('two lines [31m ');
  expect(JSON.stringify(entry!.facts).length).toBeLessThan(100);
});
