import { expect, test } from 'vitest';
import { table } from '../../bench/main.ts';
import { BenchResultSchema, judge, type Measurement } from '../../bench/result.ts';

const machine = { cpu: 'a processor', cores: 2, memoryMib: 4096, kernel: '6.1' };
const figure = (name: string, value: number) => ({ name, value, unit: 'ratio' });
const judged = (measurement: Measurement) => judge('bus', measurement, machine, { node: '20' });

test('a bench has reached its targets when each one is', () => {
  const figures = [figure('a', 1), figure('b', 2)];
  expect(
    judged({
      figures,
      targets: [
        { figure: 'a', min: 1 },
        { figure: 'b', max: 2 },
      ],
    }).reached,
  ).toBe(true);
  expect(
    judged({
      figures,
      targets: [
        { figure: 'a', min: 1 },
        { figure: 'b', max: 1.9 },
      ],
    }).reached,
  ).toBe(false);
  expect(judged({ figures, targets: [{ figure: 'b', min: 2.1 }] }).targets).toEqual([
    { figure: 'b', min: 2.1, value: 2, reached: false },
  ]);
});

test('a target that was not measured is a mistake, not a success', () => {
  expect(() => judged({ figures: [figure('a', 1)], targets: [{ figure: 'b', min: 1 }] })).toThrow('b of bus');
  expect(() => judged({ figures: [figure('a', 1)], targets: [{ figure: 'a' }] })).toThrow(
    'neither min nor max',
  );
});

test('what cannot be a measurement is refused', () => {
  expect(() => judged({ figures: [], targets: [] })).toThrow();
  expect(() => judged({ figures: [figure('a', NaN)], targets: [] })).toThrow();
  expect(() => judged({ figures: [figure('a', Infinity)], targets: [{ figure: 'a', min: 1 }] })).toThrow();
});

test('the object that is printed keeps to its schema, and the table says the same', () => {
  const result = judged({
    figures: [figure('a', 0.123456)],
    targets: [{ figure: 'a', min: 0.5 }],
    versions: { suricata: '7.0.10' },
    notes: ['aes-generic'],
  });
  expect(BenchResultSchema.parse(JSON.parse(JSON.stringify(result)))).toEqual(result);
  expect(Object.keys(result).slice(0, 6)).toEqual([
    'bench',
    'figures',
    'targets',
    'reached',
    'machine',
    'versions',
  ]);
  const text = table(result);
  for (const part of ['0.1235', '>= 0.5', 'NOT REACHED', 'aes-generic', 'suricata 7.0.10', '2 cores']) {
    expect(text).toContain(part);
  }
});
