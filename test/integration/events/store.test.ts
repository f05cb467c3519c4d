import { afterEach, expect, test } from 'vitest';
import {
  openStoreBench,
  searchAll,
  storeAll,
  storeMessage,
  type StoreBench,
} from '../../support/event-store.ts';

const benches: StoreBench[] = [];
afterEach(async () => {
  for (const bench of benches.splice(0)) await bench.dispose();
});

async function openBench(values: Parameters<typeof openStoreBench>[0] = {}): Promise<StoreBench> {
  const bench = await openStoreBench(values);
  benches.push(bench);
  return bench;
}

const dns = (rrname: string, source = '10.1.2.3') => ({
  event_type: 'dns',
  src_ip: source,
  dest_ip: '192.0.2.53',
  flow_id: 123456789,
  dns: { type: 'answer', rrname, rrtype: 'A', answers: [{ rrname, rdata: '203.0.113.9' }] },
});
const alert = (signatureId: number, signature: string, severity: number, source = '10.1.2.3') => ({
  event_type: 'alert',
  src_ip: source,
  dest_ip: '198.51.100.7',
  community_id: '1:abc+/=',
  alert: { signature_id: signatureId, signature, severity },
});

test('every kind of filter finds what it asks for, newest first, and nothing else', async () => {
  const { store } = await openBench();
  const at = (minute: number) => new Date(Date.UTC(2026, 4, 1, 12, minute));
  await storeAll(store, [
    storeMessage({ time: at(0), records: [dns('mail.ward.example'), dns('ward.example', '10.1.9.9')] }),
    storeMessage({ time: at(1), type: 'alert', records: [alert(2019401, 'ET POLICY curl User-Agent', 3)] }),
    storeMessage({ time: at(2), type: 'alert', records: [alert(2019402, 'ET SCAN ssh', 1, '2001:db8::1')] }),
    storeMessage({
      time: at(3),
      instrument: 'suricata-2',
      type: 'http',
      records: [
        { src_ip: '10.200.0.1', http: { hostname: 'Intranet.Clinic.Example.', url: '/a/Report-7.pdf' } },
      ],
    }),
  ]);
  const found = async (filter: Parameters<typeof store.search>[0]) =>
    (await searchAll(store, filter)).map(
      ({ type, time }) => `${type}@${String(new Date(time).getUTCMinutes())}`,
    );
  expect(await found({})).toEqual(['http@3', 'alert@2', 'alert@1', 'dns@0', 'dns@0']);
  expect(await found({ types: ['alert'] })).toEqual(['alert@2', 'alert@1']);
  expect(await found({ types: ['alert', 'http'], since: at(2).toISOString() })).toEqual([
    'http@3',
    'alert@2',
  ]);
  expect(await found({ until: at(1).toISOString() })).toEqual(['dns@0', 'dns@0']);
  expect(await found({ instrument: 'suricata-2' })).toEqual(['http@3']);
  expect(await found({ address: '10.1.2.3' })).toEqual(['alert@1', 'dns@0']);
  expect(await found({ address: '203.0.113.9' })).toEqual(['dns@0', 'dns@0']);
  expect(await found({ address: '10.1.0.0/16' })).toEqual(['alert@1', 'dns@0', 'dns@0']);
  expect(await found({ address: '10.1.8.0/21' })).toEqual(['dns@0']);
  expect(await found({ address: '10.0.0.0/9' })).toEqual(['alert@1', 'dns@0', 'dns@0']);
  expect(await found({ address: '10.1.2.2/31' })).toEqual(['alert@1', 'dns@0']);
  expect(await found({ address: '0.0.0.0/1' })).toEqual(['http@3', 'alert@1', 'dns@0', 'dns@0']);
  expect(await found({ address: '2001:0DB8:0:0:0:0:0:1' })).toEqual(['alert@2']);
  expect(await found({ address: '2001:db8::/32' })).toEqual(['alert@2']);
  expect(await found({ address: '2001:db8:1::/48' })).toEqual([]);
  expect(await found({ name: 'ward.example' })).toEqual(['dns@0']);
  expect(await found({ name: '*.ward.example' })).toEqual(['dns@0']);
  expect(await found({ name: '*.example' })).toEqual(['http@3', 'dns@0', 'dns@0']);
  expect(await found({ name: 'intranet.clinic.example' })).toEqual(['http@3']);
  expect(await found({ signature: '2019401' })).toEqual(['alert@1']);
  expect(await found({ signature: 'scan SSH' })).toEqual(['alert@2']);
  expect(await found({ severity: 'low' })).toEqual(['alert@2', 'alert@1']);
  expect(await found({ severity: 'high' })).toEqual(['alert@2']);
  expect(await found({ text: 'report 7' })).toEqual(['http@3']);
  expect(await found({ text: 'repo*' })).toEqual(['http@3']);
  expect(await found({ text: 'repo' })).toEqual([]);
  expect(await found({ flow: '123456789' })).toEqual(['dns@0', 'dns@0']);
  expect(await found({ flow: '1:abc+/=' })).toEqual(['alert@2', 'alert@1']);
  expect(await found({ types: ['alert'], address: '10.0.0.0/8', text: 'curl', severity: 'low' })).toEqual([
    'alert@1',
  ]);
  expect(await found({ types: ['dns'], text: 'curl' })).toEqual([]);
});
