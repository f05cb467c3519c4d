import { expect, test } from 'vitest';
import { abuseReference, provenCases, unprovenCases } from '../../../scripts/lint/abuse-reference.ts';
import { files } from './repository.ts';

/** Cases that the parts which are built must withstand; the others wait for theirs. */
const DUE = [
  ...range(1, 58),
  ...range(65, 67),
  ...[70, 71, 73, 74, 75, 76, 104, 105, 106, 107, 108, 110, 111, 112, 114, 115, 116, 117, 118, 119, 120],
];
const CASES = 120;

// This file names cases in its own data, so it is no proof.
const tests = files(/^test\/(unit|integration|security|e2e)\/.*\.test\.ts$/).filter(
  ({ path }) => !path.startsWith('test/unit/house/'),
);
const page = files(/^test\/security\/README\.md$/)[0]?.text ?? '';
const promises = files(/^test\/PROMISES\.md$/)[0]?.text ?? '';
const proven = provenCases(tests);
const unproven = unprovenCases(promises);

test('every case that is due is the title of a test, or stands in PROMISES.md as unproven', () => {
  expect(DUE.filter((number) => !proven.has(number) && !unproven.has(number))).toEqual([]);
});

test('what is unproven says why, and what was tried', () => {
  const bare = [...unproven].filter(([, why]) => why.length < 60).map(([number]) => number);
  expect(bare).toEqual([]);
});

test('no test and no promise names a case that is not in the catalogue', () => {
  const strange = [...proven.keys(), ...unproven.keys()].filter((number) => number < 1 || number > CASES);
  expect(strange).toEqual([]);
});

test('the catalogue holds every case once, in order, each in words', () => {
  const rows = [...page.matchAll(/^\| (\d+) +\| (.*?) +\|/gm)];
  expect(rows.map((row) => Number(row[1]))).toEqual(range(1, CASES));
  expect(rows.filter((row) => row[2]!.length < 20).map((row) => row[1])).toEqual([]);
});

test('the catalogue says where each case is proved (written by: npm run abuse-doc)', () => {
  expect(page).toBe(abuseReference(page, proven, unproven));
});

test('titles and promises are read as they are meant', () => {
  const source = {
    path: 'test/security/bus/x.test.ts',
    text: "test('ABUSE 31: reply', f); // 'ABUSE 32'\ntest(`ABUSE 7: a`, g);",
  };
  expect(provenCases([source])).toEqual(
    new Map([
      [31, ['security/bus/x.test.ts']],
      [7, ['security/bus/x.test.ts']],
    ]),
  );
  expect(
    unprovenCases(
      '# P\n\n| ABUSE 1 | no |\n\n## Unproven\n\n| what | why |\n| ABUSE 2, ABUSE 3 | because |\n\n## More\n\n| ABUSE 4 | x |\n',
    ),
  ).toEqual(
    new Map([
      [2, 'because'],
      [3, 'because'],
    ]),
  );
  expect(
    abuseReference('| 31 | Text | old |\n| 2 | Other | |\n', new Map([[31, ['a.test.ts']]]), new Map()),
  ).toBe('| 31 | Text | [a.test.ts](../a.test.ts) |\n| 2 | Other | _not built yet_ |\n');
});

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, n) => first + n);
}
