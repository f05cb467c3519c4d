import { headers } from '@nats-io/transport-node';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LIMITS, parseInstrumentFile } from '@bulkhead/sdk';
import { readAcknowledgement } from '../../../instruments/sdk/src/acknowledgement.ts';
import { openInstrumentLog } from '../../../instruments/sdk/src/log.ts';
import { Pack } from '../../../instruments/sdk/src/pack.ts';
import { recordsOf } from '../../../instruments/sdk/src/records.ts';

const file = {
  protocol: 1,
  name: 'suricata',
  package: 'suricata',
  version: '0.1.0',
  sensor: 'lab',
  bus: { url: 'nats://127.0.0.1:4222', keyFile: '/run/bulkhead/bus.nk' },
  options: {},
  interfaces: [],
  publish: ['alert'],
  read: [],
  send: [],
  accept: [],
};

test('instrument.json is parsed strictly, with the place of the fault, and frozen', () => {
  const parsed = parseInstrumentFile(JSON.stringify(file), 'x.json');
  expect(Object.isFrozen(parsed) && Object.isFrozen(parsed.bus)).toBe(true);
  for (const [change, pointer] of [
    [{ protocol: 2 }, '/protocol'],
    [{ extra: 1 }, '/extra'],
    [{ bus: { ...file.bus, url: 'http://x' } }, '/bus/url'],
    [{ publish: ['a b'] }, '/publish/0'],
    [{ name: 'Über' }, '/name'],
  ] as const) {
    expect(() => parseInstrumentFile(JSON.stringify({ ...file, ...change }), 'x.json'), pointer).toThrow(
      expect.objectContaining({ code: 'BUS_FILE_INVALID', fields: { path: 'x.json', pointer } }),
    );
  }
  expect(() => parseInstrumentFile('{', 'x.json')).toThrow(
    expect.objectContaining({ code: 'BUS_FILE_INVALID' }),
  );
});

test('what goes into a pack comes out as records, whatever the order of text and bytes', () => {
  const record = fc
    .dictionary(fc.string(), fc.jsonValue(), { maxKeys: 4 })
    .filter((value) => !('__proto__' in value));
  fc.assert(
    fc.property(fc.array(fc.tuple(record, fc.boolean()), { minLength: 1, maxLength: 60 }), (records) => {
      const pack = new Pack('alert', 10);
      for (const [value, asText] of records) {
        const line = JSON.stringify(value);
        if (asText) pack.appendText(`${line}\n`, Buffer.byteLength(line) + 1);
        else pack.appendBytes(Buffer.from(line));
      }
      const { events, bad } = recordsOf({ data: pack.body() }, 'suricata', 'alert');
      expect(bad).toBe(0);
      expect(pack.count).toBe(records.length);
      expect(events.map((event) => event.record)).toEqual(
        records.map(([value]) => JSON.parse(JSON.stringify(value)) as unknown),
      );
    }),
  );
});

test('a pack takes records up to its size; a larger record goes alone', () => {
  const pack = new Pack('alert', 1);
  expect(pack.fits(LIMITS.recordBytes)).toBe(true);
  pack.appendBytes(Buffer.alloc(LIMITS.packBytes - 10, 0x61));
  expect(pack.fits(9)).toBe(true);
  expect(pack.fits(10)).toBe(false);
});

test('a bad record is left out, and the others keep their numbers', () => {
  const head = headers();
  head.set('ce-id', 'x-1');
  head.set('ce-time', '2026-03-02T08:00:00.000Z');
  const data = Buffer.from('{"a":1}\n[1]\nnot json\n{"__proto__":{"polluted":1}}\n\n{"a":2}');
  const { events, bad } = recordsOf({ data, headers: head }, 'suricata', 'alert');
  expect(bad).toBe(2);
  expect(events.map((event) => event.id)).toEqual(['x-1/0', 'x-1/3', 'x-1/4']);
  expect(({} as { polluted?: number }).polluted).toBeUndefined();
});

test.each([
  { answer: '{"stream":"S_a","seq":4}', outcome: 'stored' },
  { answer: '{"stream":"S_a","seq":4,"duplicate":true}', outcome: 'stored' },
  {
    answer: '{"error":{"code":503,"err_code":10077,"description":"maximum bytes exceeded"},"seq":0}',
    outcome: 'BUS_STREAM_FULL',
  },
  {
    answer: '{"error":{"code":503,"err_code":10077,"description":"no space left on device"},"seq":0}',
    outcome: 'retry',
  },
  {
    answer: '{"error":{"code":503,"err_code":10008,"description":"temporarily unavailable"}}',
    outcome: 'retry',
  },
  {
    answer: '{"error":{"code":400,"err_code":10054,"description":"message size exceeds maximum allowed"}}',
    outcome: 'BUS_PUBLISH_REFUSED',
  },
  { answer: 'garbage', outcome: 'retry' },
  { answer: '{}', outcome: 'retry' },
])('the acknowledgement $answer means $outcome', ({ answer, outcome }) => {
  const message = { json: () => JSON.parse(answer) as unknown } as Parameters<typeof readAcknowledgement>[0];
  expect(readAcknowledgement(message).outcome).toBe(outcome);
});

test('a log line is one JSON object of bounded size, and fields cannot pretend to be another instrument', () => {
  const lines: string[] = [];
  const log = openInstrumentLog('suricata', (line) => lines.push(line));
  log.info('two\nlines', { instrument: 'forged', level: 'error', n: 1 });
  log.error('long', { data: 'x'.repeat(100_000) });
  expect(lines.every((line) => line.length <= 8 * 1024 && !line.includes('\n'))).toBe(true);
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    instrument: 'suricata',
    level: 'info',
    msg: 'two\nlines',
    n: 1,
  });
  expect(JSON.parse(lines[1] ?? '')).toMatchObject({ msg: 'long', cut: true });
});
