import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  decodeMessage,
  DECODE_LIMITS,
  describeAlert,
  describeEvent,
  severityOf,
  type PackedMessage,
} from '@bulkhead/platform/events';
import type { StoredEvent } from '@bulkhead/platform/contracts';

const good = {
  'ce-id': 'abc-1',
  'ce-source': '/sensor/lab/instrument/suricata',
  'ce-type': 'alert',
  'ce-time': '2026-03-02T08:00:00.000Z',
  'bh-count': '2',
};

function message(body: string | Buffer, head: Record<string, string> = good): PackedMessage {
  return {
    instrument: 'suricata',
    type: 'alert',
    stream: 'S_suricata',
    sequence: 7,
    storedAt: new Date('2026-03-02T08:00:01Z'),
    headers: head,
    body: Buffer.from(body),
  };
}

test('the records of a message, with ids, and no faults', () => {
  expect(decodeMessage(message('{"a":1}\n{"a":2}\n'))).toEqual({
    events: [1, 2].map((a, index) => ({
      id: `abc-1/${String(index)}`,
      instrument: 'suricata',
      type: 'alert',
      time: '2026-03-02T08:00:00.000Z',
      record: { a },
    })),
    faults: [],
  });
});

test.each([
  {
    what: 'not JSON',
    body: '{"a":1}\n{"a":\n{"a":3}\n',
    reason: 'not-json',
    records: 1,
    left: ['abc-1/0', 'abc-1/2'],
  },
  {
    what: 'an array, a number, null',
    body: '[1]\n5\nnull\n{"a":1}\n',
    reason: 'not-an-object',
    records: 3,
    left: ['abc-1/3'],
  },
  {
    what: 'bad UTF-8',
    body: Buffer.from('{"a":1}\n\xff\xfe\n{"a":2}\n', 'latin1'),
    reason: 'not-json',
    records: 1,
    left: ['abc-1/0', 'abc-1/2'],
  },
  {
    what: 'a line that is too long',
    body: `{"a":"${'x'.repeat(DECODE_LIMITS.lineBytes)}"}\n{"a":1}\n`,
    reason: 'line-too-long',
    records: 1,
    left: ['abc-1/1'],
  },
  {
    what: 'a body that is too large',
    body: ' '.repeat(DECODE_LIMITS.bodyBytes + 1),
    reason: 'body-too-large',
    records: 1,
    left: [],
  },
])('$what is counted, and its neighbours stay', ({ body, reason, records, left }) => {
  const { events, faults } = decodeMessage(message(body));
  expect(faults).toContainEqual({ reason, instrument: 'suricata', type: 'alert', sequence: 7, records });
  expect(events.map((event) => event.id)).toEqual(left);
});

test.each([
  { header: 'ce-source', value: '/sensor/lab/instrument/other', reason: 'source-mismatch' },
  { header: 'ce-type', value: 'check', reason: 'type-mismatch' },
  { header: 'ce-id', value: '../../x', reason: 'id-invalid' },
  { header: 'ce-time', value: 'yesterday', reason: 'time-invalid' },
  { header: 'bh-count', value: '3', reason: 'count-mismatch' },
])('a header $header that says $value changes nothing and is told', ({ header, value, reason }) => {
  const { events, faults } = decodeMessage(message('{"a":1}\n{"a":2}\n', { ...good, [header]: value }));
  expect(faults.map((fault) => fault.reason)).toEqual([reason]);
  expect(events).toHaveLength(2);
  expect(events[0]).toMatchObject({ instrument: 'suricata', type: 'alert', record: { a: 1 } });
  expect(events[0]?.id).toBe(header === 'ce-id' ? 'S_suricata-7/0' : 'abc-1/0');
});

test('whatever comes, nothing is thrown, and nothing is both an event and a fault', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 400 }),
      fc.dictionary(fc.constantFrom(...Object.keys(good)), fc.string()),
      (body, head) => {
        const { events, faults } = decodeMessage(message(Buffer.from(body), head));
        const lines = Buffer.from(body)
          .toString('latin1')
          .split('\n')
          .filter((line) => line !== '').length;
        const bad = faults.reduce((sum, fault) => sum + fault.records, 0);
        expect(events.length + bad).toBe(lines);
      },
    ),
  );
  const deep = '['.repeat(200_000);
  expect(decodeMessage(message(`{"a":${deep}\n{"b":1}\n`)).events).toHaveLength(1);
});

const alert = (record: Record<string, unknown>): StoredEvent => ({
  id: 'x/0',
  instrument: 'suricata',
  type: 'alert',
  time: '2026-03-02T08:00:00.000Z',
  record,
});

test('an alert in words: time, severity, signature, who to whom, protocol', () => {
  const eve = {
    timestamp: '2026-03-02T09:15:30.123456+0000',
    src_ip: '10.0.0.5',
    src_port: 51_000,
    dest_ip: '2001:db8::1',
    dest_port: 443,
    proto: 'TCP',
    app_proto: 'tls',
    alert: { signature: 'ET SCAN Something', severity: 1 },
  };
  expect(describeAlert(alert(eve))).toBe(
    '09:15:30  high    ET SCAN Something  10.0.0.5:51000 → [2001:db8::1]:443  TCP/tls',
  );
  expect([1, 2, 3, 4].map((severity) => severityOf(alert({ alert: { severity } })))).toEqual([
    'high',
    'medium',
    'low',
    'info',
  ]);
});

test('what strangers wrote cannot drive a terminal, and records of any shape are described', () => {
  const hostile = '\u001b]0;owned\u0007\u009b2J\u202ereversed\nsecond line';
  const line = describeEvent(
    alert({ alert: { signature: hostile }, proto: hostile, src_ip: hostile, timestamp: hostile }),
  );
  expect(line).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  fc.assert(
    fc.property(
      fc.dictionary(fc.string(), fc.jsonValue()),
      fc.constantFrom('alert', 'dns', 'http', 'tls', 'flow', 'x'),
      (record, type) => {
        const text = describeEvent({ ...alert(record), type });
        expect(text).not.toMatch(/[\p{Cc}\p{Cf}\n]/u);
        expect(text.length).toBeLessThan(900);
      },
    ),
  );
});
