import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { EVENTS_MIGRATIONS, Suppressions, suppressorOf, Views } from '@bulkhead/fleet-server/events';
import { testSensorId } from '../../support/fleet/sensor-ids.ts';

const [A, B] = [testSensorId(1), testSensorId(2)];
const ANN = { id: 'p_ann', name: 'Ann' };
const BOB = { id: 'p_bob', name: 'Bob' };

const alert = (sid: unknown, src: unknown, dest: unknown, sensor = A) => ({
  sensor,
  record: { src_ip: src, dest_ip: dest, alert: { signature_id: sid } },
});

test.each([
  ['its signature, from anywhere', { signature: '7' }, alert(7, '10.0.0.1', '10.0.0.2'), true],
  ['another signature', { signature: '7' }, alert(77, '10.0.0.1', '10.0.0.2'), false],
  ['a number as text', { signature: '7' }, alert('7', '10.0.0.1', '10.0.0.2'), true],
  ['its source', { signature: '7', address: '10.0.0.1', side: 'source' }, alert(7, '10.0.0.1', 'x'), true],
  [
    'its destination',
    { signature: '7', address: '10.0.0.1', side: 'source' },
    alert(7, 'x', '10.0.0.1'),
    false,
  ],
  ['either end', { signature: '7', address: '10.0.0.1' }, alert(7, '10.9.9.9', '10.0.0.1'), true],
  ['a network', { signature: '7', address: '10.0.0.0/9' }, alert(7, '10.127.255.255', ''), true],
  ['outside of it', { signature: '7', address: '10.0.0.0/9' }, alert(7, '10.128.0.0', ''), false],
  [
    'IPv6, written otherwise',
    { signature: '7', address: '2001:DB8::/33' },
    alert(7, '2001:db8:0:0::7', ''),
    true,
  ],
  ['IPv4 in a network of IPv6', { signature: '7', address: '::/0' }, alert(7, '10.0.0.1', ''), false],
  ['IPv4 mapped into IPv6', { signature: '7', address: '10.0.0.1' }, alert(7, '::ffff:10.0.0.1', ''), true],
  ['one of its sensors', { signature: '7', sensors: [B, A] }, alert(7, '', ''), true],
  ['another sensor', { signature: '7', sensors: [B] }, alert(7, '', ''), false],
  [
    'addresses that are none',
    { signature: '7', address: '10.0.0.1' },
    alert(7, { toString: 1 }, ['10.0.0.1']),
    false,
  ],
  [
    'no address at all',
    { signature: '7', address: '10.0.0.1' },
    { sensor: A, record: { alert: { signature_id: 7 } } },
    false,
  ],
  ['no alert', { signature: '7' }, { sensor: A, record: { alert: null, signature_id: 7 } }, false],
] as const)('a suppression judges %s', (_what, rule, event, covered) => {
  const { sensors, ...rest } = rule as { signature: string; sensors?: readonly string[] };
  const judge = suppressorOf([
    { id: 'x_1', side: 'either', ...rest, ...(sensors === undefined ? {} : { sensors: [...sensors] }) },
  ]);
  expect(judge(event)).toBe(covered ? 'x_1' : undefined);
});

function openDesk() {
  const db = new Database(':memory:');
  db.pragma('foreign_keys = ON');
  for (const { sql } of EVENTS_MIGRATIONS) db.exec(sql);
  const desk = { db, nowMs: 1_800_000_000_000 };
  return { ...desk, clock: () => desk.nowMs, pass: (ms: number) => (desk.nowMs += ms) };
}
const DAY_MS = 86_400_000;

test('a suppression ends by its time, by a person, and outlives a restart; what was counted is kept', () => {
  const desk = openDesk();
  const first = new Suppressions(desk.db, desk.clock);
  const until = (days: number) => desk.clock() + days * DAY_MS;
  const make = (signature: string, days: number) =>
    first.add(
      { rule: { signature, side: 'either' }, text: undefined, reason: 'noise', expiresMs: until(days) },
      ANN,
    );
  const [short, long] = [make('7', 1), make('8', 300)];
  expect(first.arrived(alert(7, '', ''))).toBe(short.id);
  expect(first.arrived(alert(7, '', '', B))).toBe(short.id);
  first.flush();
  expect(first.arrived(alert(7, '', ''))).toBe(short.id);
  first.flush();
  const again = new Suppressions(desk.db, desk.clock);
  expect(again.list().find(({ id }) => id === short.id)?.hits).toMatchObject([
    { sensor: A, n: 2 },
    { sensor: B, n: 1 },
  ]);
  desk.pass(DAY_MS);
  expect([again.covering(alert(7, '', '')), again.covering(alert(8, '', ''))]).toEqual([undefined, long.id]);
  again.end(long.id, ANN);
  expect(again.acting()).toEqual([]);
  // Told once: who takes it back a second time changes nothing.
  again.end(long.id, { id: 'p_bob', name: 'Bob' });
  expect(again.find(long.id).ended).toMatchObject({ name: 'Ann' });
  expect(again.end(short.id, ANN).ended).toBeUndefined();
  desk.pass(31 * DAY_MS);
  expect(again.list()).toEqual([]);
  expect(desk.db.prepare('SELECT count(*) FROM events_suppression_hits').pluck().get()).toBe(0);
});

test('suppressions and views are bounded', () => {
  const desk = openDesk();
  const make = (signature: number, by = ANN) =>
    suppressions.add(
      {
        rule: { signature: String(signature), side: 'either' },
        text: undefined,
        reason: 'noise',
        expiresMs: desk.clock() + 1_000,
      },
      by,
    );
  // What was made by the program before, all at once.
  const before = desk.db.prepare(
    "INSERT INTO events_suppressions (id, signature, side, by_id, by_name, at, reason, expires) VALUES (?, ?, 'either', 'p_bob', 'Bob', ?, 'noise', ?)",
  );
  desk.db.transaction(() => {
    for (let n = 1; n < 500; n += 1)
      before.run(`x_${String(n)}`, String(n), desk.clock(), desk.clock() + 1_000);
  })();
  const suppressions = new Suppressions(desk.db, desk.clock);
  make(500);
  expect(() => make(501)).toThrow(expect.objectContaining({ code: 'FLEET_EVENTS_SUPPRESSIONS_FULL' }));
  desk.pass(1_000);
  expect(make(501).rule.signature).toBe('501');

  const views = new Views(desk.db, desk.clock);
  const keep = (n: number, shared = false) =>
    views.keep({ name: `view ${String(n)}`, search: { text: String(n) }, shared }, ANN);
  for (let n = 0; n < 50; n += 1) keep(n);
  expect(() => keep(50)).toThrow(expect.objectContaining({ code: 'FLEET_EVENTS_VIEWS_FULL' }));
  const { id } = keep(7, true);
  expect(views.list('p_bob')).toMatchObject([{ id, name: 'view 7', shared: true }]);

  // Of what all share nobody uses up the whole.
  for (let n = 10; n < 29; n += 1) keep(n, true);
  keep(28, true);
  expect(() => keep(29, true)).toThrow(expect.objectContaining({ code: 'FLEET_EVENTS_VIEWS_FULL' }));
  expect(views.keep({ name: 'b', search: { text: 'b' }, shared: true }, BOB).shared).toBe(true);
  for (let n = 502; n < 601; n += 1) make(n);
  expect(() => make(601)).toThrow(expect.objectContaining({ code: 'FLEET_EVENTS_SUPPRESSIONS_FULL' }));
  expect(make(601, BOB).by).toEqual(BOB);
});
