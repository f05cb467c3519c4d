import { expect, test } from 'vitest';
import { keyOf, matterOf, topicOf, type Matter } from '../../../fleet-ui/server/notify/matters.ts';
import { StandingMatters } from '../../../fleet-ui/server/notify/standing.ts';

const T0 = Date.parse('2026-11-21T12:00:00Z');
const MINUTE = 60_000;
const SENSOR = 's_aaaaaaaaaaaaaaaa';

const item = (id: string, text = id, sensor?: string) => ({
  ...{ id, severity: 'warning' as const, title: text, text },
  ...(sensor === undefined ? {} : { sensor }),
});
const matters = (...ids: string[]): Matter[] =>
  ids.map((id) => matterOf(item(id, id, id.includes(SENSOR) ? SENSOR : undefined), T0));
const NOTHING = { began: [], worse: [], over: [], leftOut: [] };
const keys = (list: readonly Matter[]) => list.map(({ key }) => key);

test('it begins once, and is over when it was gone for a minute; what flickers says nothing', () => {
  const standing = new StandingMatters([], T0 - 60 * MINUTE);
  expect(keys(standing.look(matters('a', 'b'), T0).began)).toEqual(['a', 'b']);
  expect(standing.look(matters('a', 'b'), T0 + 1)).toEqual(NOTHING);
  expect(standing.look(matters('a'), T0 + MINUTE)).toEqual(NOTHING);
  expect(standing.look(matters('a', 'b'), T0 + 1.5 * MINUTE)).toEqual(NOTHING);
  standing.look(matters('a'), T0 + 2 * MINUTE);
  expect(keys(standing.look(matters('a'), T0 + 3 * MINUTE).over)).toEqual(['b']);
  expect(keys(standing.look(matters('a', 'b'), T0 + 4 * MINUTE).began)).toEqual(['b']);
});

test('what becomes worse is told as that, once, with what it was; what becomes better says nothing', () => {
  const standing = new StandingMatters([], T0 - 60 * MINUTE);
  const disk = (severity: Matter['severity'], at: number): Matter => ({
    ...matterOf({ ...item('disk:x', `a ${severity} disk`), severity }, at),
  });
  standing.look([disk('warning', T0)], T0);
  expect(standing.look([disk('warning', T0 + 1)], T0 + 1)).toEqual(NOTHING);
  const worse = standing.look([disk('critical', T0 + MINUTE)], T0 + MINUTE);
  // Since when it stands does not change with it.
  const told = { ...disk('critical', T0), was: 'warning' };
  expect(worse).toEqual({ ...NOTHING, worse: [told] });
  for (const [minute, severity] of (
    ['warning', 'critical', 'warning', 'info', 'critical'] as const
  ).entries())
    expect(standing.look([disk(severity, T0)], T0 + (2 + minute) * MINUTE)).toEqual(NOTHING);
  // Nor after a restart; it is over as what it was at its worst.
  const after = new StandingMatters(standing.matters, T0 + 10 * MINUTE);
  expect(after.look([disk('warning', T0)], T0 + 11 * MINUTE)).toEqual(NOTHING);
  expect(after.look([disk('critical', T0)], T0 + 12 * MINUTE)).toEqual(NOTHING);
  after.look([], T0 + 13 * MINUTE);
  expect(after.look([], T0 + 14 * MINUTE)).toEqual({ ...NOTHING, over: [disk('critical', T0)] });
  // What begins anew can become worse anew. Two that say the same of it: the worse counts.
  expect(keys(after.look([disk('warning', T0)], T0 + 15 * MINUTE).began)).toEqual(['disk:x']);
  const both = [disk('critical', T0), disk('warning', T0)];
  expect(keys(after.look(both, T0 + 16 * MINUTE).worse)).toEqual(['disk:x']);
});

test('after a restart what stood is not told again, and is not over before everybody had time to come back', () => {
  const before = new StandingMatters([], T0 - 60 * MINUTE);
  before.look(matters(`blind:${SENSOR}:mon`, 'disk'), T0);
  const after = new StandingMatters(before.matters, T0 + MINUTE);
  expect(after.look([], T0 + 2.9 * MINUTE)).toEqual(NOTHING);
  expect(after.look(matters(`blind:${SENSOR}:mon`, 'disk'), T0 + 3 * MINUTE)).toEqual(NOTHING);
  after.look(matters('disk'), T0 + 5 * MINUTE);
  expect(keys(after.look(matters('disk'), T0 + 6 * MINUTE).over)).toEqual([`blind:${SENSOR}:mon`]);
});

test('what a sensor said is not over because the sensor is away', () => {
  const standing = new StandingMatters([], T0 - 60 * MINUTE);
  const [blind, offline] = [`blind:${SENSOR}:mon`, `offline:${SENSOR}`];
  standing.look(matters(blind), T0);
  expect(keys(standing.look(matters(offline), T0 + MINUTE / 2).began)).toEqual([offline]);
  expect(standing.look(matters(offline), T0 + 90 * MINUTE)).toEqual(NOTHING);
  expect(standing.look(matters(blind), T0 + 91 * MINUTE)).toEqual(NOTHING);
  expect(keys(standing.look(matters(blind), T0 + 92 * MINUTE).over)).toEqual([offline]);
});

test('it remembers so many at most, whatever somebody makes up', () => {
  const standing = new StandingMatters([], T0);
  const many = Array.from({ length: 10_000 }, (_, n) => `made-up:${String(n)}`);
  expect(standing.look(matters(...many), T0).began.length).toBe(2_000);
  expect(standing.matters.length).toBe(2_000);
});

test('one sensor that makes up matters leaves room for those of others and for what the fleet finds about it', () => {
  const standing = new StandingMatters([], T0);
  const made = (look: number) =>
    matters(...Array.from({ length: 300 }, (_, n) => `rules:${SENSOR}:${String(look)}-${String(n)}`));
  const first = standing.look(made(1), T0);
  expect([first.began.length, first.leftOut.length]).toEqual([100, 200]);
  // Each is counted once.
  expect(standing.look(made(1), T0 + 5_000)).toEqual(NOTHING);
  const other = matterOf(item(`blind:s_bbbbbbbbbbbbbbbb:mon`, 'x', 's_bbbbbbbbbbbbbbbb'), T0);
  const later = standing.look([...made(2), other, ...matters(`offline:${SENSOR}`)], T0 + 10_000);
  expect(keys(later.began)).toEqual([other.key, `offline:${SENSOR}`]);
  expect(later.leftOut).toHaveLength(300);
});

test('what a sensor says with other numbers is the same matter; a missed check is told once', () => {
  const said = (text: string) => keyOf(item('sensor:x', text, SENSOR));
  expect(said('12 packets of mon were lost')).toBe(said('4711 packets of mon were lost'));
  expect(said('12 packets of mon were lost')).not.toBe(said('12 packets of span were lost'));
  expect(said('the detection check on mon did not come back: no alert within 10 s')).toBe(
    `blind:${SENSOR}:mon`,
  );
});

test.each([
  ['blind:s:mon', 'x', 'blindness'],
  ['offline:s', 'x', 'offline'],
  ['certificate:own', 'x', 'certificates'],
  ['certificate:s_aaaaaaaaaaaaaaaa', 'x', 'certificates'],
  ['events:holes:s', 'x', 'loss'],
  ['loss:s:mon', 'x', 'loss'],
  ['disk:s:events', 'x', 'disk'],
  ['events:fault', 'x', 'other'],
  ['clone:s', 'Its certificate', 'other'],
  ['sensor:s:1', 'monitor interface mon is not watching', 'blindness'],
  ['sensor:s:1', '12 packets of mon were lost', 'loss'],
  ['sensor:s:1', 'suricata lost 3 % of its packets in the last minute', 'loss'],
  [
    'sensor:s:1',
    'the event store cannot write: no space left on device; events wait in their streams',
    'disk',
  ],
  ['sensor:s:1', 'The disk is nearly full; 3 % are left.', 'disk'],
  ['sensor:s:1', 'the certificate for the fleet ends in 3 days', 'certificates'],
  ['sensor:s:1', 'the clock jumped by 4000 s; no event was dropped for it', 'other'],
  ['sensor:s:1', 'suricata is failed: it ended again and again', 'other'],
])('%s %j is about %s', (id, text, topic) => {
  expect(topicOf({ id, text })).toBe(topic);
});

test('a configuration that was not taken is one matter, whether the sensor says it first or the fleet', () => {
  const text =
    'revision 6 of the fleet is not in force: SENSORD_CONFIG_INVALID: The disk for the volume is missing';
  const ofSensor = matterOf(item('sensor:x', text, SENSOR), T0);
  const ofFleet = matterOf(item(`configuration:${SENSOR}`, 'The disk for the volume is missing', SENSOR), T0);
  expect(ofSensor).toMatchObject({ key: ofFleet.key, topic: 'other' });
  expect(ofFleet.topic).toBe('other');
  for (const [first, then] of [
    [ofSensor, ofFleet],
    [ofFleet, ofSensor],
  ] as const) {
    const standing = new StandingMatters([], T0 - 60 * MINUTE);
    expect(keys(standing.look([first], T0).began)).toEqual([`configuration:${SENSOR}`]);
    expect(standing.look([first, then], T0 + 5_000)).toEqual(NOTHING);
    for (const minute of [1, 3, 5]) expect(standing.look([then], T0 + minute * MINUTE)).toEqual(NOTHING);
  }
  // That nothing can be wanted of it is something else.
  const none = matterOf(item(`no-configuration:${SENSOR}`, text, SENSOR), T0);
  expect(none.key).not.toBe(ofFleet.key);
});
