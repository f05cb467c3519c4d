import { expect, test } from 'vitest';
import { csvCell, fillingUp } from '@bulkhead/platform/events';
import { addressHex, inRange, parseRange, rangeWords } from '@bulkhead/platform/kernel';
import { advance, believe, MOST_OFF_S } from '../../../platform/events/store/clock.ts';
import { trimPoint } from '../../../platform/events/store/trimming.ts';

const DAY = 86_400;
const reading = (days: number, uptimeS: number, bootId = 'a') => ({
  wallMs: days * DAY * 1000,
  uptimeS,
  bootId,
});

test('ABUSE 47: the clock of the event store follows the time that went by, whatever the machine says', () => {
  const begun = advance(undefined, reading(20_000, 100)).state;
  expect(begun.dataS).toBe(20_000 * DAY);
  const ahead = advance(begun, reading(20_365, 160));
  expect(ahead.state.dataS - begun.dataS).toBe(60);
  expect(ahead.jumpedS).toBe(365 * DAY - 60);
  const back = advance(ahead.state, reading(19_635, 220));
  expect(back.state.dataS - begun.dataS).toBe(120);
  expect(back.jumpedS).toBeLessThan(-DAY * 365);
  // Over a restart of the machine, only its settable clock tells how long it was off: a week of that is believed.
  const restarted = advance(begun, reading(20_365, 30, 'b'));
  expect(restarted.state.dataS - begun.dataS).toBe(MOST_OFF_S + 30);
  expect(restarted.jumpedS).toBeGreaterThan(300 * DAY);
  expect(believe(restarted.state).dataS).toBeCloseTo(20_365 * DAY, -2);
  const weekend = advance(begun, reading(20_002, 30, 'b'));
  expect(weekend.state.dataS).toBe(20_002 * DAY);
  expect(weekend.jumpedS).toBeUndefined();
  const backOverRestart = advance(begun, reading(19_000, 30, 'b'));
  expect(backOverRestart.state.dataS - begun.dataS).toBe(30);
});

test('addresses have one form, and networks the words that are in the index', () => {
  expect(addressHex('10.1.2.3')).toBe('0a010203');
  expect(addressHex('::ffff:10.1.2.3')).toBe('0a010203');
  expect(addressHex('2001:DB8::1')).toBe(`20010db8${'0'.repeat(23)}1`);
  for (const text of ['10.1.2', '10.1.2.3.4', 'fe80::1%eth0', '', 'x', '1'.repeat(60)]) {
    expect(addressHex(text), text).toBeUndefined();
  }
  for (const text of ['10.0.0.0/33', '10.0.0.0/x', '10.0.0.0/8/8', '/8'])
    expect(parseRange(text)).toBeUndefined();
  expect(rangeWords(parseRange('10.1.2.3')!)).toEqual(['a=0a010203']);
  expect(rangeWords(parseRange('10.1.0.0/16')!)).toEqual(['a=0a01:']);
  expect(rangeWords(parseRange('10.1.4.0/22')!)).toEqual([
    'a=0a0104:',
    'a=0a0105:',
    'a=0a0106:',
    'a=0a0107:',
  ]);
  expect(rangeWords(parseRange('0.0.0.0/0')!)).toEqual([]);
  expect(inRange('0a0107ff', parseRange('10.1.4.0/22')!)).toBe(true);
  expect(inRange('0a010800', parseRange('10.1.4.0/22')!)).toBe(false);
});

test('a spreadsheet takes no cell for a formula', () => {
  for (const text of ['=1+1', '+1', '-1', '@SUM(A1)', ' =x', '\t=x', '|calc', '＝1']) {
    expect(csvCell(text).startsWith(`"'`), text).toBe(true);
  }
  expect(csvCell('a "b"\r\n=c')).toBe('"a ""b""  =c"');
  expect(csvCell(undefined)).toBe('');
  expect(csvCell(-5)).toBe('-5');
});

test('a stream is trimmed only behind the store and all readers, and only when it is old or filling up', () => {
  const stream = {
    ...{ stream: 'S_a', created: 'x', messages: 1000, bytes: 800, maxBytes: 1000, firstSequence: 1 },
    ...{ lastSequence: 1000, acknowledged: 1000, trimmable: true },
  };
  expect(trimPoint(stream, 1000, 0)).toBe(1000 - 312);
  expect(trimPoint({ ...stream, acknowledged: 50 }, 1000, 0)).toBe(50);
  expect(trimPoint(stream, 20, 0)).toBe(20);
  expect(trimPoint({ ...stream, bytes: 100 }, 1000, 0)).toBeUndefined();
  expect(trimPoint({ ...stream, bytes: 100 }, 1000, 400)).toBe(400);
  expect(trimPoint({ ...stream, messages: 0 }, 1000, 400)).toBeUndefined();
  expect(fillingUp(stream, 1000)).toBeUndefined();
  expect(fillingUp({ ...stream, bytes: 950, trimmable: false }, 1000)).toContain('cannot be trimmed');
  expect(fillingUp({ ...stream, bytes: 950, acknowledged: 10 }, 1000)).toContain('readers is behind');
});
