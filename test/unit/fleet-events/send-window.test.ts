import { expect, test } from 'vitest';
import { SendWindow } from '../../../platform/fleet-link/uplink-window.ts';

function deferred() {
  let resolve: () => void = () => undefined;
  let reject: (error: Error) => void = () => undefined;
  const promise = new Promise<void>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

test('answers in any order are told in the order of each stream, and streams do not wait for each other', async () => {
  const done: string[] = [];
  const window = new SendWindow(() => undefined);
  const [a1, a2, b1] = [deferred(), deferred(), deferred()];
  void window.send('a', 1, a1.promise, () => done.push('a1'));
  void window.send('a', 1, a2.promise, () => done.push('a2'));
  window.pass('a', () => done.push('a3'));
  void window.send('b', 1, b1.promise, () => done.push('b1'));
  a2.resolve();
  b1.resolve();
  await settled();
  expect(done).toEqual(['b1']);
  a1.resolve();
  await settled();
  expect(done).toEqual(['b1', 'a1', 'a2', 'a3']);
});

test('after a failure nothing is told as done any more, whatever still arrives', async () => {
  const failures: unknown[] = [];
  const done: string[] = [];
  const window = new SendWindow((error) => failures.push(error));
  const [a1, a2, a3] = [deferred(), deferred(), deferred()];
  for (const [index, one] of [a1, a2, a3].entries()) {
    void window.send('a', 1, one.promise, () => done.push(String(index)));
  }
  a2.reject(new Error('gone'));
  await settled();
  a1.resolve();
  a3.reject(new Error('gone too'));
  await settled();
  expect(done).toEqual([]);
  expect(failures).toHaveLength(1);
  expect(window.failure).toMatchObject({ message: 'gone' });
});

test('no more than so much is on the way: everybody who waits goes on when there is room', async () => {
  const window = new SendWindow(() => undefined);
  const open = Array.from({ length: 256 }, () => deferred());
  for (const one of open.slice(0, 255)) void window.send('a', 1, one.promise, () => undefined);
  let waiting = 2;
  const last = [0, 1].map((n) =>
    window
      .send(`s${String(n)}`, 1, open[255]?.promise ?? Promise.resolve(), () => undefined)
      .then(() => (waiting -= 1)),
  );
  await settled();
  expect(waiting).toBe(2);
  for (const one of open) one.resolve();
  await Promise.all(last);
  expect(waiting).toBe(0);
});
