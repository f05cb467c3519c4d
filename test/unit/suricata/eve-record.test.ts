import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readEveLine } from '../../../instruments/suricata/src/eve-record.ts';

const HEAD = '{"timestamp":"2026-01-01T00:00:00.000000+0000","flow_id":1,"in_iface":"mon0",';

const read = (text: string) => readEveLine(Buffer.from(text));

test('the type stands in the header', () => {
  expect(read(`${HEAD}"event_type":"dns","dns":{}}`)).toEqual({ kind: 'event', type: 'dns' });
  expect(read(`${HEAD}"event_type":"bittorrent_dht","x":{"event_type":"alert"}}`)).toEqual({
    kind: 'event',
    type: 'bittorrent_dht',
  });
});

test.each([
  ['', 'no EVE header'],
  ['{}', 'no EVE header'],
  ['GET / HTTP/1.1 ............................', 'no EVE header'],
  [`${HEAD}"event_type":"dns"`, 'cut off'],
  [`${HEAD}"dns":{"x":1}}`, 'no event_type'],
  [`${HEAD}"pad":"${'x'.repeat(600)}","event_type":"dns"}`, 'no event_type'],
  [`${HEAD}"event_type":"Dns"}`, 'event_type is not a name'],
  [`${HEAD}"event_type":""}`, 'event_type is not a name'],
  [`${HEAD}"event_type":"control.suricata.stop"}`, 'event_type is not a name'],
  [`${HEAD}"event_type":"${'a'.repeat(40)}"}`, 'event_type is not a name'],
  [`${HEAD}"event_type":"dns","dns":{"rrname":"a${HEAD}"event_type":"alert"}`, 'not JSON'],
  [`${HEAD}"event_type":"dns","x":"${'y'.repeat(70_000)}"]}`, 'not JSON'],
])('malformed: %s', (text, why) => {
  expect(read(text)).toEqual({ kind: 'malformed', why });
});

test('text that is not UTF-8 is malformed', () => {
  const line = Buffer.from(`${HEAD}"event_type":"dns","x":"?"}`);
  line[line.length - 3] = 0xff;
  expect(readEveLine(line)).toEqual({ kind: 'malformed', why: 'not UTF-8' });
});

test('no text inside a record changes its type', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
      const hostile = `${text}","event_type":"check","x":"`;
      const line = `${HEAD}"event_type":"dns",${JSON.stringify({ dns: { rrname: hostile } }).slice(1)}`;
      expect(read(line)).toEqual({ kind: 'event', type: 'dns' });
    }),
  );
});

const NONCE = '0123456789abcdef0123456789abcdef';
function checkAlert(change: Record<string, unknown> = {}): string {
  return JSON.stringify({
    timestamp: '2026-01-01T00:00:00.000000+0000',
    flow_id: 7,
    in_iface: 'mon0',
    event_type: 'alert',
    src_ip: '192.0.2.10',
    src_port: 49152,
    dest_ip: '198.51.100.10',
    dest_port: 47999,
    proto: 'UDP',
    metadata: { pktvars: [{ bulkhead_check: NONCE }] },
    alert: { action: 'allowed', gid: 1, signature_id: 2999001, rev: 1 },
    ...change,
  });
}

test('the alert of a detection check becomes a check', () => {
  expect(read(checkAlert())).toEqual({
    kind: 'check',
    record: {
      nonce: NONCE,
      timestamp: '2026-01-01T00:00:00.000000+0000',
      interface: 'mon0',
      signatureId: 2999001,
    },
  });
});

test.each([
  { src_ip: '10.0.0.1' },
  { dest_port: 80 },
  { metadata: { pktvars: [{ bulkhead_check: 'zz' }] } },
  { metadata: {} },
  { metadata: { pktvars: [null, 3] } },
  { alert: { gid: 2, signature_id: 2999001, rev: 1 } },
])('an alert that only looks like a check stays an alert: %j', (change) => {
  expect(read(checkAlert(change))).toEqual({ kind: 'event', type: 'alert' });
});

test('the flow of a detection check is told apart, another flow is not', () => {
  const flow = (source: string) =>
    `${HEAD}"event_type":"flow","src_ip":"${source}","src_port":49152,"dest_ip":"198.51.100.10","dest_port":47999,"proto":"UDP","flow":{}}`;
  expect(read(flow('192.0.2.10'))).toEqual({ kind: 'check-flow' });
  expect(read(flow('192.0.2.11'))).toEqual({ kind: 'event', type: 'flow' });
});
