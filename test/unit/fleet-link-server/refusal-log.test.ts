import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { openLog } from '@bulkhead/platform/kernel';
import { RefusalLog } from '../../../fleet-ui/server/link/refusal-log.ts';

test('whoever knocks without end fills no disk: thirty lines a minute, then how many more', () => {
  const lines = new PassThrough();
  let nowMs = 1_000;
  const refusals = new RefusalLog(openLog('link', 'info', lines), () => nowMs);
  for (let n = 0; n < 1_000; n += 1) refusals.write({ n }, 'not let in');
  nowMs += 30_000;
  refusals.tell();
  const said = () => (lines.read() as Buffer | null)?.toString().trim().split('\n') ?? [];
  expect(said()).toHaveLength(30);
  nowMs += 31_000;
  refusals.tell();
  const [left] = said();
  expect(JSON.parse(left ?? '{}')).toMatchObject({ more: 970 });
  refusals.write({}, 'again');
  expect(said()).toHaveLength(1);
  nowMs += 61_000;
  refusals.tell();
  expect(said()).toHaveLength(0);
});
