import { expect, test } from 'vitest';
import { addressHex } from '@bulkhead/platform/kernel';
import { addressText } from '../../../fleet-ui/server/events/store/asset-search.ts';
import { addressOfPtr, isPrivate, sightingsOf } from '../../../fleet-ui/server/events/store/sightings.ts';

/** By address as people write it. */
function seen(record: Record<string, unknown>) {
  return Object.fromEntries(
    sightingsOf(record).map(({ address, names, service, ...rest }) => [
      addressText(address),
      {
        ...rest,
        names: names.map(({ name, from }) => `${from} ${name}`),
        ...(service === undefined
          ? {}
          : { service: `${service.protocol}/${String(service.port)} ${service.application}` }),
      },
    ]),
  );
}

test('an alert is one of both ends, and the end that answered serves, whichever way the packet went', () => {
  const toClient = {
    event_type: 'alert',
    ...{ src_ip: '203.0.113.5', src_port: 80, dest_ip: '10.0.0.7', dest_port: 51_000, proto: 'TCP' },
    ...{ app_proto: 'http', direction: 'to_client', alert: { severity: 1 } },
  };
  expect(seen(toClient)).toEqual({
    '203.0.113.5': { spokenOf: false, names: [], alert: 'high', service: 'tcp/80 http' },
    '10.0.0.7': { spokenOf: false, names: [], alert: 'high' },
  });
  const flow = { src_ip: '10.0.0.7', dest_ip: '203.0.113.5', dest_port: 80, pkts_toclient: 4 };
  expect(seen({ ...toClient, direction: undefined, flow })['203.0.113.5']?.service).toBe('tcp/80 http');
});

test('what somebody merely knocked at is no service', () => {
  const scan = {
    event_type: 'flow',
    ...{ src_ip: '198.51.100.9', src_port: 40_000, dest_ip: '10.0.0.1', dest_port: 3389, proto: 'TCP' },
    flow: { pkts_toserver: 1, pkts_toclient: 0, state: 'new' },
  };
  expect(seen(scan)['10.0.0.1']).toEqual({ spokenOf: false, names: [] });
  expect(seen({ ...scan, flow: { pkts_toserver: 5, pkts_toclient: 3 } })['10.0.0.1']?.service).toBe(
    'tcp/3389 ',
  );
  expect(seen({ ...scan, app_proto: 'failed', flow: { pkts_toclient: 3 } })['10.0.0.1']?.service).toBe(
    'tcp/3389 ',
  );
});

test('names come with who said them', () => {
  const base = { src_ip: '10.0.0.7', dest_ip: '10.0.0.1', dest_port: 443, proto: 'TCP' };
  expect(seen({ ...base, event_type: 'tls', tls: { sni: 'Intranet.Example.ORG.' } })['10.0.0.1']).toEqual({
    spokenOf: false,
    names: ['tls intranet.example.org'],
    service: 'tcp/443 tls',
  });
  expect(seen({ ...base, event_type: 'smb', smb: { ntlmssp: { host: 'WS-7' } } })['10.0.0.7']?.names).toEqual(
    ['smb ws-7'],
  );
  const dhcp = {
    type: 'reply',
    assigned_ip: '10.0.0.9',
    client_mac: '02:00:5E:00:53:01',
    hostname: 'printer',
  };
  expect(seen({ event_type: 'dhcp', src_ip: '0.0.0.0', dest_ip: '255.255.255.255', dhcp })).toEqual({
    '10.0.0.9': { spokenOf: false, names: ['dhcp printer'], mac: '02:00:5e:00:53:01' },
  });
});

test('an answer of DNS names addresses that it only speaks of', () => {
  const dns = {
    rrname: 'www.example.org',
    answers: [
      { rrname: 'www.example.org', rrtype: 'CNAME', rdata: 'host.example.org' },
      { rrname: 'host.example.org', rrtype: 'A', rdata: '10.0.0.3' },
      { rrname: '4.0.0.10.in-addr.arpa', rrtype: 'PTR', rdata: 'four.example.org' },
    ],
  };
  const found = seen({
    event_type: 'dns',
    src_ip: '10.0.0.53',
    src_port: 53,
    dest_ip: '10.0.0.7',
    proto: 'UDP',
    dns,
  });
  expect(found['10.0.0.3']).toEqual({
    spokenOf: true,
    names: ['dns host.example.org', 'dns www.example.org'],
  });
  expect(found['10.0.0.4']).toEqual({ spokenOf: true, names: ['dns four.example.org'] });
  expect(found['10.0.0.53']?.service).toBe('udp/53 ');
  expect(
    seen({ cites: 'x', src_ip: [{ rrname: 'a.example.org.', rrtype: 'A', rdata: '192.0.2.4' }] }),
  ).toEqual({
    '192.0.2.4': { spokenOf: true, names: ['dns a.example.org'] },
  });
});

test('addresses that no host has are none, and hostile records cost nothing and throw nothing', () => {
  for (const address of [
    '224.0.0.251',
    '255.255.255.255',
    '0.0.0.0',
    '127.0.0.1',
    'ff02::fb',
    '::1',
    '::',
    'fe80::1%eth0',
    'x',
  ]) {
    expect(sightingsOf({ event_type: 'flow', src_ip: address })).toEqual([]);
  }
  const many = Array.from({ length: 5_000 }, (_, n) => ({
    rrname: 'a.example.org',
    rrtype: 'A',
    rdata: `10.1.${String(n >> 8)}.${String(n & 255)}`,
  }));
  expect(sightingsOf({ event_type: 'dns', dns: { answers: many } })).toHaveLength(32);
  for (const record of [
    { event_type: 'dns', dns: { answers: 'x' } },
    { event_type: 'tls', src_ip: 5, dest_ip: '10.0.0.1', tls: { sni: 'x'.repeat(10_000) } },
    { event_type: 'dhcp', dhcp: [] },
    { event_type: 'http', dest_ip: '10.0.0.1', http: { hostname: '<script>alert(1)</script>' } },
    { event_type: 'alert', alert: null, src_ip: '10.0.0.1', flow: 'x', proto: 7, dest_port: 1e9 },
  ]) {
    expect(sightingsOf(record).flatMap(({ names }) => names)).toEqual([]);
  }
});

test('which networks are private, and how addresses are written', () => {
  const inside = [
    '10.0.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '100.64.0.1',
    '169.254.1.1',
    'fd00::1',
    'fe80::1',
  ];
  const outside = ['9.255.255.255', '172.32.0.1', '192.169.0.1', '100.128.0.1', '2001:db8::1', 'ff80::1'];
  for (const address of inside)
    expect([address, isPrivate(addressHex(address) ?? '')]).toEqual([address, true]);
  for (const address of outside)
    expect([address, isPrivate(addressHex(address) ?? '')]).toEqual([address, false]);
  for (const address of ['10.0.0.1', '2001:db8::1', 'fe80::1:0:0:1'])
    expect(addressText(addressHex(address) ?? '')).toBe(address);
  expect(addressOfPtr('1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa')).toBe(
    '2001:0db8:0000:0000:0000:0000:0000:0001',
  );
  expect(addressOfPtr('lb._dns-sd._udp.10.in-addr.arpa')).toBeUndefined();
});
