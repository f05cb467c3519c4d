import { expect, test } from 'vitest';
import { alertKind } from '../../../fleet-ui/server/notify/alert-kinds.ts';
import type { Matter } from '../../../fleet-ui/server/notify/matters.ts';
import { emptyOutbox, Outbox, OUTBOX_LIMITS } from '../../../fleet-ui/server/notify/outbox.ts';

const T0 = Date.parse('2026-11-21T12:00:00Z');
const S = 1_000;
const PACE = { groupS: 60, perHour: 3 };

const matter = (key: string, more: Partial<Matter> = {}): Matter => ({
  ...{ key, topic: 'offline', severity: 'critical', title: key, text: key },
  since: '2026-11-21T12:00:00.000Z',
  ...more,
});
const alert = (signature: number, sensor = 's_aaaaaaaaaaaaaaaa') =>
  alertKind({
    ...{ id: 'e1', sensor, instrument: 'suricata', time: '2026-11-21T12:00:00.000Z', severity: 'high' },
    record: { alert: { signature: 'A rule', signature_id: signature } },
  });
const open = (pace = PACE) => new Outbox(emptyOutbox(), pace, T0);
const keys = (matters: readonly Matter[] | undefined) => matters?.map(({ key }) => key);

test('the first message goes soon and takes along what came with it; the next waits its time', () => {
  const outbox = open();
  outbox.began(matter('a'), T0);
  outbox.began(matter('b'), T0 + 3 * S);
  expect(outbox.take(T0 + 4 * S)).toBeUndefined();
  expect(keys(outbox.take(T0 + 5 * S)?.began)).toEqual(['a', 'b']);
  outbox.sent(T0 + 6 * S);
  outbox.began(matter('c'), T0 + 7 * S);
  expect(outbox.take(T0 + 65 * S)).toBeUndefined();
  outbox.began(matter('d'), T0 + 65 * S);
  expect(keys(outbox.take(T0 + 66 * S)?.began)).toEqual(['c', 'd']);
});

test('no more messages in an hour than are allowed; what waits then goes in one, and nothing is lost', () => {
  const outbox = open();
  let now = T0;
  for (let n = 0; n < 3; n += 1) {
    outbox.began(matter(`m${String(n)}`), now);
    now += 60 * S;
    expect(keys(outbox.take(now)?.began)).toEqual([`m${String(n)}`]);
    outbox.sent(now);
  }
  for (let n = 3; n < 30; n += 1) outbox.began(matter(`m${String(n)}`), now);
  expect(outbox.take(T0 + 3_600 * S)).toBeUndefined();
  expect(outbox.take(T0 + 3_661 * S)?.began).toHaveLength(27);
});

test('alerts of one signature on one sensor are one, with a count and from when to when', () => {
  const outbox = open();
  for (let n = 0; n < 500; n += 1) outbox.alert({ ...alert(1), last: '2026-11-21T12:09:00.000Z' }, T0);
  outbox.alert(alert(2), T0);
  outbox.alert(alert(1, 's_bbbbbbbbbbbbbbbb'), T0);
  const batch = outbox.take(T0 + 5 * S);
  expect(batch?.alerts.map(({ count }) => count)).toEqual([500, 1, 1]);
  expect(batch?.alerts[0]).toMatchObject({
    first: '2026-11-21T12:00:00.000Z',
    last: '2026-11-21T12:09:00.000Z',
  });
});

test('what cannot be sent is tried ever later, joined with what came meanwhile', () => {
  const outbox = open();
  outbox.began(matter('a'), T0);
  outbox.alert(alert(1), T0);
  let now = T0 + 5 * S;
  const waits: number[] = [];
  for (let n = 0; n < 10; n += 1) {
    expect(outbox.take(now)).toBeDefined();
    outbox.alert(alert(1), now);
    outbox.failed(now);
    const next = outbox.nextTryMs ?? 0;
    waits.push((next - now) / S);
    expect(outbox.take(next - 1)).toBeUndefined();
    now = next;
  }
  expect(waits).toEqual([30, 60, 120, 240, 480, 960, 1_920, 3_600, 3_600, 3_600]);
  const batch = outbox.take(now);
  expect([keys(batch?.began), batch?.alerts[0]?.count]).toEqual([['a'], 11]);
  outbox.sent(now);
  expect([outbox.failures, outbox.waiting, outbox.nextTryMs]).toEqual([0, 0, undefined]);
});

test('it stays bounded whatever comes, and counts what it left out', () => {
  const outbox = open();
  for (let n = 0; n < 5_000; n += 1) {
    outbox.began(matter(`m${String(n)}`), T0);
    outbox.alert(alert(n), T0);
  }
  outbox.miss(7, T0);
  for (let n = 0; n < 20; n += 1) {
    outbox.take(T0 + 10_000 * S * (n + 1));
    for (let m = 0; m < 300; m += 1) outbox.alert(alert(100_000 + n * 1_000 + m), T0);
    outbox.failed(T0 + 10_000 * S * (n + 1));
  }
  const { began, alerts, leftOut } = outbox.state;
  expect([began.length, alerts.length]).toEqual([OUTBOX_LIMITS.matters, OUTBOX_LIMITS.alertKinds]);
  const missed = 5_000 - began.length + (5_000 + 20 * 300 - alerts.length) + 7;
  expect(leftOut).toBe(missed);
  expect(outbox.take(T0 + 1_000_000 * S)?.leftOut).toBe(missed);
});

test('a flood at one sensor pushes out its own alerts, the least severe first, and never those of others', () => {
  const [loud, quiet] = ['s_aaaaaaaaaaaaaaaa', 's_bbbbbbbbbbbbbbbb'];
  const outbox = open();
  outbox.alert(alert(1, quiet), T0);
  for (let n = 0; n < 300; n += 1) outbox.alert({ ...alert(n, loud), severity: 'medium' }, T0);
  outbox.alert(alert(2, quiet), T0);
  outbox.alert(alert(300, loud), T0);
  // What fails goes back into the same room.
  outbox.take(T0 + 5 * S);
  for (let n = 400; n < 700; n += 1) outbox.alert({ ...alert(n, loud), severity: 'medium' }, T0 + 6 * S);
  outbox.alert(alert(3, quiet), T0 + 6 * S);
  outbox.failed(T0 + 7 * S);
  const { alerts, leftOut } = outbox.state;
  expect(alerts.filter(({ sensor }) => sensor === quiet).map(({ signatureId }) => signatureId)).toEqual([
    ...['1', '2', '3'],
  ]);
  expect(alerts.filter(({ severity, sensor }) => severity === 'high' && sensor === loud)).toHaveLength(1);
  expect([alerts.length, alerts.length + leftOut]).toEqual([OUTBOX_LIMITS.alertKinds, 604]);
});

test('one sensor that makes up matters leaves room for those of others, also while nothing can be sent', () => {
  const outbox = open({ groupS: 1, perHour: 1_000 });
  const flood = 's_aaaaaaaaaaaaaaaa';
  const made = (n: number) => matter(`blind:${flood}:${String(n)}`, { sensor: flood });
  let now = T0;
  let n = 0;
  for (let round = 0; round < 10; round += 1) {
    for (let one = 0; one < 300; one += 1) outbox.began(made((n += 1)), now);
    now = Math.max(now + 5 * S, outbox.nextTryMs ?? 0);
    expect(outbox.take(now)?.began).toHaveLength(OUTBOX_LIMITS.mattersOfOne);
    for (let one = 0; one < 300; one += 1) outbox.began(made((n += 1)), now);
    outbox.failed(now);
  }
  expect(outbox.leftOut).toBe(n - OUTBOX_LIMITS.mattersOfOne);
  const others = Array.from({ length: 4 }, (_, at) => `s_${'bcde'.charAt(at).repeat(16)}`);
  for (const sensor of others) outbox.began(matter(`blind:${sensor}:mon`, { sensor }), now);
  outbox.began(matter(`offline:${flood}`, { sensor: flood }), now);
  now = outbox.nextTryMs ?? 0;
  expect(keys(outbox.take(now)?.began)?.slice(OUTBOX_LIMITS.mattersOfOne)).toEqual([
    ...others.map((sensor) => `blind:${sensor}:mon`),
    `offline:${flood}`,
  ]);
  outbox.sent(now);
  // However long it goes on, it takes its share of what is remembered and no more.
  for (let round = 0; round < 30; round += 1) {
    for (let one = 0; one < 50; one += 1) outbox.began(made((n += 1)), now);
    now += 5 * S;
    outbox.take(now);
    outbox.sent(now);
  }
  expect(outbox.state.told).toHaveLength(OUTBOX_LIMITS.toldOfOne + others.length + 1);
});

test('a matter is told when it begins and when it is over, and only who heard of it hears that it is over', () => {
  const outbox = open();
  outbox.over(matter('never told'), T0);
  outbox.began(matter('a'), T0);
  outbox.take(T0 + 5 * S);
  outbox.sent(T0 + 5 * S);
  outbox.began(matter('a'), T0 + 6 * S);
  expect(outbox.waiting).toBe(0);
  outbox.over(matter('a'), T0 + 90 * S);
  outbox.over(matter('a'), T0 + 91 * S);
  const batch = outbox.take(T0 + 100 * S);
  expect([keys(batch?.began), keys(batch?.over)]).toEqual([[], ['a']]);
  // It begins again while that it is over is on its way.
  outbox.began(matter('a'), T0 + 101 * S);
  outbox.sent(T0 + 101 * S);
  expect(keys(outbox.take(T0 + 200 * S)?.began)).toEqual(['a']);
});

const warning = (key: string) => matter(key, { severity: 'warning' });
const worse = (key: string) => matter(key, { was: 'warning' });

test('what became worse is told again, in the pace of the channel and over a restart', () => {
  const outbox = open();
  outbox.began(warning('a'), T0);
  outbox.take(T0 + 5 * S);
  outbox.sent(T0 + 5 * S);
  outbox.worse(worse('a'), T0 + 10 * S);
  expect(outbox.take(T0 + 64 * S)).toBeUndefined();
  const again = new Outbox(
    JSON.parse(JSON.stringify(outbox.state)) as typeof outbox.state,
    PACE,
    T0 + 60 * S,
  );
  expect(again.take(T0 + 65 * S)?.began).toEqual([worse('a')]);
  again.sent(T0 + 66 * S);
  again.over(matter('a'), T0 + 100 * S);
  expect(again.take(T0 + 200 * S)).toMatchObject({ began: [], over: [{ key: 'a' }] });
});

test('what became worse before it was told is new, and told as what it is now', () => {
  const outbox = open();
  outbox.began(warning('a'), T0);
  outbox.worse(worse('a'), T0 + S);
  expect(outbox.take(T0 + 5 * S)?.began).toEqual([matter('a')]);
  outbox.sent(T0 + 5 * S);
  // Also where the message that was under way did not get through.
  outbox.began(warning('b'), T0 + 60 * S);
  outbox.take(T0 + 70 * S);
  outbox.worse(worse('b'), T0 + 71 * S);
  expect(outbox.state.began).toEqual([matter('b')]);
  outbox.failed(T0 + 72 * S);
  expect(outbox.take(T0 + 102 * S)?.began).toEqual([matter('b')]);
  // And where it did, it is told as worse.
  outbox.worse({ ...worse('b'), text: 'more' }, T0 + 103 * S);
  outbox.sent(T0 + 104 * S);
  expect(outbox.take(T0 + 200 * S)?.began).toEqual([{ ...worse('b'), text: 'more' }]);
});

test('what comes back as something worse before anybody heard that it was over is worse', () => {
  const outbox = open();
  outbox.began(warning('a'), T0);
  outbox.take(T0 + 5 * S);
  outbox.sent(T0 + 5 * S);
  outbox.over(warning('a'), T0 + 10 * S);
  outbox.began(warning('a'), T0 + 11 * S);
  expect(outbox.waiting).toBe(0);
  outbox.over(warning('a'), T0 + 12 * S);
  outbox.began(matter('a'), T0 + 13 * S);
  expect(outbox.take(T0 + 80 * S)).toMatchObject({ began: [worse('a')], over: [] });
});

test('what becomes worse is bounded as what begins', () => {
  const outbox = open({ groupS: 1, perHour: 1_000 });
  const sensor = 's_aaaaaaaaaaaaaaaa';
  const disks = Array.from({ length: 300 }, (_, n) => `disk:${sensor}:${String(n)}`);
  for (const key of disks) outbox.worse({ ...worse(key), sensor }, T0);
  // A channel that was not told that it began hears that it is worse, and then that it is over.
  expect(outbox.take(T0 + 5 * S)?.began).toHaveLength(OUTBOX_LIMITS.mattersOfOne);
  expect(outbox.leftOut).toBe(300 - OUTBOX_LIMITS.mattersOfOne);
  outbox.sent(T0 + 6 * S);
  outbox.over({ ...matter(disks[0]!), sensor }, T0 + 7 * S);
  expect(keys(outbox.take(T0 + 20 * S)?.over)).toEqual([disks[0]]);
});

test('what waits, what was told and what was sent when outlive a restart, also in the middle of a message', () => {
  const outbox = open();
  outbox.began(matter('told'), T0);
  outbox.take(T0 + 5 * S);
  outbox.sent(T0 + 5 * S);
  outbox.began(matter('under way'), T0 + 70 * S);
  outbox.take(T0 + 80 * S);
  outbox.alert(alert(1), T0 + 81 * S);
  const kept = JSON.parse(JSON.stringify(outbox.state)) as typeof outbox.state;
  const again = new Outbox(kept, PACE, T0 + 90 * S);
  again.began(matter('told'), T0 + 90 * S);
  expect(again.take(T0 + 94 * S)).toBeUndefined();
  const batch = again.take(T0 + 95 * S);
  expect([keys(batch?.began), batch?.alerts.length]).toEqual([['under way'], 1]);
});

test('a clock that is set back does not make it silent', () => {
  const outbox = open();
  outbox.began(matter('a'), T0);
  outbox.take(T0 + 5 * S);
  outbox.sent(T0 + 5 * S);
  const yesterday = T0 - 86_400 * S;
  outbox.began(matter('b'), yesterday);
  expect(keys(outbox.take(yesterday + 5 * S)?.began)).toEqual(['b']);
});

test('how many there was no room for is told after a restart too, also when nothing else waits', () => {
  const before = open();
  before.miss(7, T0);
  const after = new Outbox(before.state, PACE, T0 + 60 * S);
  expect(after.take(T0 + 70 * S)?.leftOut).toBe(7);
});
