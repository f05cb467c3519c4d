import { expect, test } from 'vitest';
import { Reverter, withReverter } from '@bulkhead/platform/kernel';

test('undoes last first, one at a time, each once', async () => {
  const order: string[] = [];
  const undo = new Reverter(() => undefined);
  undo.add('a', async () => {
    await Promise.resolve();
    order.push('a');
  });
  undo.add('b', async () => {
    order.push('b starts');
    await new Promise((resolve) => setTimeout(resolve, 5));
    order.push('b ends');
  });
  await undo.revert();
  await undo.revert();
  expect(order).toEqual(['b starts', 'b ends', 'a']);
});

test('an undo that throws is reported with its name, and the rest still run', async () => {
  const reported: [string, unknown][] = [];
  const undone: string[] = [];
  const undo = new Reverter((error, what) => reported.push([what, error]));
  undo.add('first', () => {
    undone.push('first');
  });
  undo.add('second', () => {
    throw new Error('it sticks');
  });
  undo.add('third', () => {
    undone.push('third');
  });
  await undo.revert();
  expect(undone).toEqual(['third', 'first']);
  expect(reported).toEqual([['second', new Error('it sticks')]]);
});

test('after commit nothing is undone', async () => {
  let undone = false;
  const undo = new Reverter(() => undefined);
  undo.add('kept', () => {
    undone = true;
  });
  undo.commit();
  await undo.revert();
  expect(undone).toBe(false);
});

test('withReverter keeps what was made when the work succeeds', async () => {
  let undone = false;
  const result = await withReverter(
    () => undefined,
    async (undo) => {
      undo.add('kept', () => {
        undone = true;
      });
      return 7;
    },
  );
  expect(result).toBe(7);
  expect(undone).toBe(false);
});

test('withReverter undoes what was made, then rethrows the error of the work and not of the undo', async () => {
  const reported: string[] = [];
  const undone: string[] = [];
  const work = withReverter(
    (_error, what) => reported.push(what),
    async (undo) => {
      undo.add('link', () => {
        undone.push('link');
      });
      undo.add('mount', () => {
        throw new Error('busy');
      });
      throw new Error('no space');
    },
  );
  await expect(work).rejects.toThrow('no space');
  expect(undone).toEqual(['link']);
  expect(reported).toEqual(['mount']);
});
