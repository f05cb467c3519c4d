import { expect, test } from 'vitest';
import { BulkheadError } from '@bulkhead/platform/kernel';
import { AnswerParts } from '../../../fleet-ui/server/link/answer.ts';

function open() {
  const credits: number[] = [];
  const overs: boolean[] = [];
  const parts = new AnswerParts(
    { maxBytes: 100, bufferBytes: 40, windowBytes: 16 },
    (bytes) => credits.push(bytes),
    (finished) => overs.push(finished),
  );
  const add = (text: string, end = false, status = 200) =>
    parts.add({ status, chunk: Buffer.from(text), end });
  return { parts, add, credits, overs };
}

async function read(parts: AsyncIterable<Buffer>): Promise<string> {
  let text = '';
  for await (const part of parts) text += part.toString();
  return text;
}

test('parts come in order, the first says the status, and credit is given for what was read', async () => {
  const { parts, add, credits, overs } = open();
  add('hello ', false, 201);
  const answer = await parts.start();
  expect(answer.status).toBe(201);
  const reading = read(answer);
  add('world', false, 500);
  await new Promise((resolve) => setImmediate(resolve));
  expect(credits.reduce((sum, bytes) => sum + bytes, 0)).toBe(11);
  add('!', true);
  add('too late');
  expect(await reading).toBe('hello world!');
  expect(overs).toEqual([true]);
});

test('without a reader there is no credit', async () => {
  const { parts, add, credits } = open();
  add('0123456789abcdef');
  await parts.start();
  expect(credits).toEqual([]);
});

test('an answer that is too large, or comes unasked for, fails and is dropped', async () => {
  const flood = open();
  flood.add('x'.repeat(41));
  await expect(read(await flood.parts.start())).rejects.toMatchObject({ code: 'FLEET_LINKS_READER_SLOW' });
  const large = open();
  large.add('x');
  const reading = read(await large.parts.start());
  for (let n = 0; n < 10; n += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    large.add('x'.repeat(10));
  }
  await expect(reading).rejects.toMatchObject({ code: 'FLEET_LINKS_ANSWER_TOO_LARGE' });
  expect(large.overs).toEqual([false]);
});

test('a failure before the first part rejects the start; one after it ends the reading', async () => {
  const lost = new BulkheadError({ code: 'FLEET_LINKS_LOST', message: 'gone' });
  const early = open();
  early.parts.fail(lost);
  await expect(early.parts.start()).rejects.toBe(lost);
  const late = open();
  late.add('a');
  const reading = read(await late.parts.start());
  late.parts.fail(lost);
  await expect(reading).rejects.toBe(lost);
});

test('a reader that leaves cancels, once', async () => {
  const { parts, add, overs } = open();
  add('a');
  add('b');
  for await (const part of await parts.start()) {
    expect(part.toString()).toBe('a');
    break;
  }
  parts.cancel();
  expect(overs).toEqual([false]);
});
