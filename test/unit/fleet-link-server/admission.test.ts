import { expect, test } from 'vitest';
import { Admission, type Turn } from '../../../fleet-ui/server/link/admission.ts';

const LIMITS = { handshakes: 3, handshakesPerAddress: 2, waiting: 6, waitingPerAddress: 4 };

function open(limits = LIMITS) {
  const admission = new Admission(limits);
  const went: string[] = [];
  const enter = (address: string, name = address) => admission.enter(address, () => went.push(name));
  return { admission, went, enter };
}

test('so many go at once, of one address fewer, and addresses take turns', () => {
  const { admission, went, enter } = open();
  const turns = ['a1', 'a2', 'a3', 'a4'].map((name) => enter('a', name));
  expect(went).toEqual(['a1', 'a2']);
  enter('b', 'b1');
  enter('b', 'b2');
  expect(went).toEqual(['a1', 'a2', 'b1']);
  turns[0]?.done();
  turns[1]?.done();
  expect(went).toEqual(['a1', 'a2', 'b1', 'a3', 'b2']);
  expect(admission.waiting).toBe(1);
});

test('who left while waiting is not called, and ends only once', () => {
  const { admission, went, enter } = open();
  const [first, , third] = ['a1', 'a2', 'a3'].map((name) => enter('a', name));
  third?.done();
  third?.done();
  first?.done();
  first?.done();
  expect(went).toEqual(['a1', 'a2']);
  expect(admission.waiting).toBe(0);
  enter('a', 'a4');
  expect(went).toEqual(['a1', 'a2', 'a4']);
});

test('what waits is bounded, of one address and in all', () => {
  const { admission, enter } = open();
  const of = (address: string, count: number): (Turn | undefined)[] =>
    Array.from({ length: count }, () => enter(address));
  expect(of('a', 7).map((turn) => turn !== undefined)).toEqual([true, true, true, true, true, true, false]);
  expect(of('b', 4).map((turn) => turn !== undefined)).toEqual([true, true, true, false]);
  expect(admission.waiting).toBe(6);
});

test('everybody who waits gets a turn', () => {
  const { admission } = open({ ...LIMITS, waiting: 1_000, waitingPerAddress: 1_000 });
  const turns: (Turn | undefined)[] = [];
  const going: number[] = [];
  for (let n = 0; n < 500; n += 1) {
    turns[n] = admission.enter(`address${String(n % 7)}`, () => going.push(n));
  }
  const went = new Set<number>();
  for (let n = going.shift(); n !== undefined; n = going.shift()) {
    went.add(n);
    expect(going.length).toBeLessThan(LIMITS.handshakes);
    turns[n]?.done();
  }
  expect(went.size).toBe(500);
  expect(admission.waiting).toBe(0);
});
