import { expect, test } from 'vitest';
import { Turns } from '../../../fleet-ui/server/assets/turns.ts';

test('of one person one question is answered at a time, others do not wait for it, and only a few wait', async () => {
  const turns = new Turns();
  const began: string[] = [];
  const gates = new Map<string, () => void>();
  const ask = (person: string, question: string) =>
    turns.take(person, async () => {
      began.push(question);
      await new Promise<void>((resolve) => gates.set(question, resolve));
      if (question === 'a2') throw new Error('it failed');
      return question;
    });
  const [first, second, third, fourth] = ['a1', 'a2', 'a3', 'a4'].map((question) => ask('ann', question));
  const other = ask('ben', 'b1');
  await expect(ask('ann', 'a5')).rejects.toMatchObject({ code: 'FLEET_ASSETS_BUSY' });
  await expect.poll(() => began).toEqual(['a1', 'b1']);
  gates.get('b1')?.();
  expect(await other).toBe('b1');
  gates.get('a1')?.();
  expect(await first).toBe('a1');
  await expect.poll(() => began).toEqual(['a1', 'b1', 'a2']);
  const failed = expect(second).rejects.toThrow('it failed');
  gates.get('a2')?.();
  await failed;
  for (const [question, answer] of [
    ['a3', third],
    ['a4', fourth],
  ] as const) {
    await expect.poll(() => began.at(-1)).toBe(question);
    gates.get(question)?.();
    expect(await answer).toBe(question);
  }
  const again = ask('ann', 'a6');
  await expect.poll(() => began.at(-1)).toBe('a6');
  gates.get('a6')?.();
  expect(await again).toBe('a6');
});
