import { expect, test } from 'vitest';
import { ledgerRates, lossOf, wayWords } from '../../../fleet-ui/web/src/pages/sensor/ledger-rates.ts';
import {
  bothLost,
  lossNote,
  lossStanding,
  type Lost,
} from '../../../fleet-ui/web/src/pages/sensor/loss-standing.ts';
import { ledger } from '../../support/fleet-web/asked.ts';

test.each<[string, Lost, string, string]>([
  ['nothing', { lost: 0 }, 'none', ''],
  ['of a sensor that tells no age', { lost: 1 }, 'growing', ''],
  [
    'one frame before every instrument saw',
    { lost: 1, lostAgoS: 20, lostStarting: 1 },
    'start',
    'at the start',
  ],
  ['one more than at the start, lately', { lost: 2, lostAgoS: 20, lostStarting: 1 }, 'growing', ''],
  [
    'one more than at the start, long ago',
    { lost: 2, lostAgoS: 7_200, lostStarting: 1 },
    'over',
    'none for 2 h',
  ],
  ['within ten minutes', { lost: 900, lostAgoS: 599, lostStarting: 0 }, 'growing', ''],
  ['for ten minutes none', { lost: 900, lostAgoS: 600, lostStarting: 0 }, 'over', 'none for 10 min'],
])('a loss: %s', (_, loss, standing, note) => {
  expect(lossStanding(loss)).toBe(standing);
  expect(lossNote(loss)).toBe(note);
});

test('two stages on one line go on losing when one of them does', () => {
  const start = { lost: 1, lostAgoS: 9_000, lostStarting: 1 };
  expect(lossStanding(bothLost(start, { lost: 0 }))).toBe('start');
  expect(lossStanding(bothLost(start, { lost: 2, lostAgoS: 3 }))).toBe('growing');
  expect(lossStanding(bothLost({ lost: 5, lostAgoS: 8_000 }, start))).toBe('over');
  expect(lossStanding(bothLost({ lost: 5 }, start))).toBe('growing');
});

test('what is no number is taken for not told, and a loss then for one that goes on', () => {
  const line = ledger(false).lines.find(({ stage, name }) => stage === 'fan-out' && name === 'span-b')!;
  expect(lossStanding(lossOf(line))).toBe('start');
  const strange = { ...line, lostAgoS: -1, lostStarting: 'all' as unknown as number };
  expect(lossOf(strange)).toEqual({ lost: 1, lostAgoS: undefined, lostStarting: undefined });
  expect(lossStanding(lossOf(strange))).toBe('growing');
});

test('who hears the picture is told the same', () => {
  const rates = ledgerRates(undefined, ledger(true));
  expect(wayWords(rates.get('fan-out span-b'))).toContain('1 lost, at the start');
  expect(wayWords(rates.get('mirror-port suricata/mon1'))).toContain('4 lost, none for 3 h');
  expect(wayWords(rates.get('mirror-port suricata/mon0'))).toMatch(/ lost$/);
});
