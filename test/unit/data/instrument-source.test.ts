import { expect, test } from 'vitest';
import { instrumentSource, type DataCopy, type InstrumentFacts } from '@bulkhead/platform/data';

const signal = new AbortController().signal;
const volume: DataCopy = {
  copy: 'volume/pdns',
  kind: 'volume',
  what: 'a volume',
  where: '/x',
  holder: 'pdns',
  measured: { bytes: 1_000, oldest: '2026-01-01T00:00:00.000Z' },
  policy: { text: 'x' },
  readers: [],
  goesTo: [],
};

function source(reply: unknown, more: Partial<InstrumentFacts> = {}) {
  const asked: unknown[] = [];
  const facts: InstrumentFacts = {
    name: 'pdns',
    running: true,
    volume,
    readers: ['pdns itself'],
    goesTo: [],
    request: (command, payload) => {
      asked.push([command, payload]);
      return reply instanceof Error ? Promise.reject(reply) : Promise.resolve(reply);
    },
    ...more,
  };
  return { source: instrumentSource(facts), asked };
}

test('what an instrument declares stands beside what was measured of its volume', async () => {
  const copies = [
    { name: 'a', what: 'names', records: 3, bytes: 100, oldest: '2026-02-01T00:00:00Z', policyDays: 90 },
    { name: 'b', what: 'more', records: 1, bytes: 50, oldest: '2026-03-01T00:00:00Z' },
  ];
  const listed = await source({ copies }).source.copies(signal);
  expect(listed.map(({ copy }) => copy)).toEqual(['volume/pdns', 'instrument/pdns/a', 'instrument/pdns/b']);
  expect(listed[0]).toMatchObject({
    measured: { bytes: 1_000 },
    declared: { records: 4, bytes: 150, oldest: '2026-02-01T00:00:00Z' },
  });
  expect(listed[1]).toMatchObject({ policy: { days: 90 }, declared: { records: 3 } });
});

test('an instrument that keeps silent, or does not run, is said so and is no fault', async () => {
  const unknown = { ok: false, code: 'BUS_UNKNOWN_COMMAND', message: 'no' };
  const [quiet] = await source(unknown).source.copies(signal);
  expect(quiet?.policy.text).toMatch(/does not say what it keeps/);
  expect(quiet?.declared).toBeUndefined();
  const [away] = await source({}, { running: false }).source.copies(signal);
  expect(away?.policy.text).toMatch(/does not run/);
  expect(await source(unknown).source.find?.({ name: 'x' }, signal)).toMatchObject([
    { records: 0, complete: false },
  ]);
  expect(await source(unknown).source.purge?.({ name: 'x' }, 'request-1', signal)).toMatchObject([
    { deleted: 0, note: expect.stringMatching(/no deletion/) as string },
  ]);
  await expect(
    source({}, { running: false }).source.purge?.({ name: 'x' }, 'request-1', signal),
  ).rejects.toMatchObject({ code: 'DATA_INSTRUMENT_ABSENT' });
});

test('a hostile answer is refused as a whole, and none of its words get into the error', async () => {
  const good = { name: 'a', what: 'names' };
  const huge = 'x'.repeat(100_000);
  const answers: unknown[] = [
    undefined,
    null,
    'text',
    [],
    {},
    { copies: 'all' },
    { copies: [good], more: 1 },
    { copies: Array.from({ length: 65 }, (_, n) => ({ name: `c${String(n)}`, what: 'x' })) },
    { copies: [{ ...good, name: '../x' }] },
    { copies: [{ ...good, name: 'A\u001b[31m' }] },
    { copies: [{ ...good, what: huge }] },
    { copies: [{ ...good, what: 'red \u001b[31m' }] },
    { copies: [{ ...good, what: 'mirror \u202e' }] },
    { copies: [{ ...good, records: -1 }] },
    { copies: [{ ...good, records: 1.5 }] },
    { copies: [{ ...good, records: 1e300 }] },
    { copies: [{ ...good, records: '3' }] },
    { copies: [{ ...good, bytes: Number.MAX_SAFE_INTEGER + 2 }] },
    { copies: [{ ...good, oldest: 'yesterday' }] },
    { copies: [{ ...good, oldest: '+275760-09-13T00:00:00Z' }] },
    { copies: [{ ...good, policyDays: 1e9 }] },
    { copies: [{ ...good, [huge]: 1 }] },
    { ok: false, code: 'X', message: huge },
  ];
  for (const answer of answers) {
    const failed = await source(answer)
      .source.copies(signal)
      .then(
        () => undefined,
        (error: unknown) => error as { code: string; message: string },
      );
    expect(failed?.code, JSON.stringify([answer]).slice(0, 100)).toBe('DATA_REPLY_INVALID');
    expect(failed?.message.length).toBeLessThan(300);
    expect(failed?.message).not.toMatch(/\u001b|\u202e|xxx/);
  }
  for (const answer of [{ deleted: -1 }, { deleted: 'all' }, { deleted: NaN }, {}, { deleted: 1, x: 1 }]) {
    await expect(source(answer).source.purge?.({ name: 'x' }, 'r', signal)).rejects.toMatchObject({
      code: 'DATA_REPLY_INVALID',
    });
  }
  for (const answer of [{ ok: 1 }, { ok: true, x: 1 }]) {
    await expect(source(answer).source.hold?.({ name: 'x' }, true, signal)).rejects.toMatchObject({
      code: 'DATA_REPLY_INVALID',
    });
  }
  await expect(
    source({ ok: false, code: 'PASSIVE_DNS_HELD', message: 'is held' }).source.purge?.(
      { name: 'x' },
      'r',
      signal,
    ),
  ).rejects.toMatchObject({ code: 'DATA_REFUSED', message: expect.stringContaining('is held') as string });
});
