import { expect, test } from 'vitest';
import { wholeStatus } from '../../../fleet-ui/web/src/api/sensor.ts';
import { clockWords, machineFacts } from '../../../fleet-ui/web/src/pages/sensor/machine-words.ts';

const GIB = 2 ** 30;

test('the health of a machine is listed with units: load, memory, every disk, every volume, the clock', () => {
  const status = wholeStatus({
    attention: [],
    monitors: [],
    instruments: [],
    host: {
      cpus: 8,
      load1: 1.42,
      memoryBytes: 32 * GIB,
      memoryFreeBytes: 20 * GIB,
      disks: [
        { what: 'state of the sensor', totalBytes: 500 * GIB, freeBytes: 31 * GIB },
        { what: 'cache', totalBytes: 100 * GIB, freeBytes: 100 * GIB },
      ],
    },
    volumes: [
      { name: 'suricata', state: 'unlocked', sizeBytes: 4 * GIB, usedBytes: 1.5 * GIB },
      { name: 'passive-dns', state: 'locked', sizeBytes: 1 * GIB, usedBytes: 0 },
    ],
  });
  expect(machineFacts(status, { clockDifferenceMs: 12, clockWrong: false })).toEqual([
    ['Load, mean of one minute', '1.42 on 8 processors'],
    ['Memory', '12 GiB of 32 GiB taken (38 %)'],
    ['Disk for state of the sensor', '469 GiB of 500 GiB taken (94 %)'],
    ['Disk for cache', '0 B of 100 GiB taken (0 %)'],
    ['Volume of suricata', 'open, 1.5 GiB of 4 GiB taken (38 %)'],
    ['Volume of passive-dns', 'locked, 0 B of 1 GiB taken (0 %)'],
    ['Clock', 'as the fleet’s, within a second'],
  ]);
});

test('what a sensor does not tell of its machine is left out, not shown as zero', () => {
  const silent = wholeStatus({ attention: [], monitors: [], instruments: [] });
  expect(machineFacts(silent, undefined)).toEqual([['Clock', 'not compared yet']]);
  const little = wholeStatus({ attention: [], monitors: [], instruments: [], host: { cpus: 1, load1: 0 } });
  expect(machineFacts(little, undefined)[0]).toEqual(['Load, mean of one minute', '0 on 1 processor']);
  expect(machineFacts(little, undefined)).toHaveLength(2);
});

test.each([
  [-8_200, false, '8 s behind the fleet’s'],
  [3_700_000, true, '1 h 1 min ahead of the fleet’s: times of its events cannot be compared'],
])('a clock that is %s ms off is told with what it means', (clockDifferenceMs, clockWrong, words) => {
  expect(clockWords({ clockDifferenceMs, clockWrong })).toBe(words);
});
