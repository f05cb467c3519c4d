import type { EventFacets, EventHistogram, FleetEvent, OpenAlerts } from '@bulkhead/fleet-api';
import { LAB, SENSORS } from './sensors.ts';

const SIGNATURES = [
  [
    'high',
    2_027_865,
    'ET MALWARE Observed DNS Query to known bad domain',
    'Malware Command and Control Activity Detected',
  ],
  ['medium', 2_010_935, 'ET SCAN Suspicious inbound to MSSQL port 1433', 'Potentially Bad Traffic'],
  ['low', 2_013_028, 'ET POLICY curl User-Agent Outbound', 'Attempted Information Leak'],
] as const;

/** Event number `n`, the greater the older; deterministic but for the time. */
export function eventAt(n: number, atMs = Date.now()): FleetEvent {
  const time = new Date(atMs - n * 47_000).toISOString();
  const sensor = SENSORS[n % 3]?.id ?? LAB;
  const common = {
    id: `e${String(n)}x${String(Math.floor(atMs / 1000))}`,
    sensor,
    instrument: 'suricata',
    time,
    sensorEventId: `ce-${String(n)}/1`,
  };
  const flow = {
    timestamp: time,
    src_ip: `10.20.3.${String(7 + (n % 40))}`,
    src_port: 49_152 + n,
    dest_ip: n % 5 === 0 ? '2001:db8::1f' : '203.0.113.80',
    dest_port: n % 2 === 0 ? 443 : 1433,
    proto: 'TCP',
    flow_id: 1_000_000 + n,
    community_id: `1:LQU9qZlK+B5F3KDmev6m5PMibr${String(n)}=`,
  };
  if (n % 4 === 3) {
    return {
      ...common,
      type: 'dns',
      severity: 'info',
      record: {
        ...flow,
        event_type: 'dns',
        dns: { type: 'query', rrname: `host-${String(n)}.example.org`, rrtype: 'A' },
      },
    };
  }
  const [severity, sid, signature, category] = SIGNATURES[n % 3] ?? SIGNATURES[0];
  return {
    ...common,
    type: 'alert',
    severity,
    record: {
      ...flow,
      event_type: 'alert',
      alert: { action: 'allowed', gid: 1, signature_id: sid, rev: 3, signature, category, severity: 1 },
    },
    ...(n === 1
      ? {
          mark: {
            owner: { id: 'p_abcdefghijklmnop', name: 'Anna Berg' },
            handled: false,
            note: 'asked the ward',
            by: { id: 'p_abcdefghijklmnop', name: 'Anna Berg' },
            at: time,
          },
        }
      : {}),
  };
}

/** @param streamed how many came since */
export function histogram(query: URLSearchParams, streamed = 0): EventHistogram {
  const count = Number(query.get('buckets') ?? 60);
  const untilMs = Date.parse(query.get('until') ?? new Date().toISOString());
  const sinceMs = Date.parse(query.get('since') ?? new Date(untilMs - 86_400_000).toISOString());
  const alerts = query.get('severity') !== null;
  const widthMs = (untilMs - sinceMs) / count;
  const buckets = Array.from({ length: count }, (_, index) => {
    const wave = Math.max(0, Math.sin(index / 7) * 8 + 6);
    const counts = {
      high: index % 17 === 3 ? 2 : 0,
      medium: Math.round(wave / 3),
      low: Math.round(wave) + (index === count - 1 ? streamed : 0),
      ...(alerts ? {} : { info: Math.round(wave * 9 + 20) }),
    };
    const total = Object.values(counts).reduce((sum, one) => sum + one, 0);
    return { time: new Date(sinceMs + index * widthMs).toISOString(), total, counts };
  });
  return {
    since: new Date(sinceMs).toISOString(),
    until: new Date(untilMs).toISOString(),
    bucketS: widthMs / 1000,
    by: 'severity',
    buckets,
    total: buckets.reduce((sum, { total }) => sum + total, 0),
    complete: true,
  };
}

/** @param streamed how many came since */
export function facets(query: URLSearchParams, streamed = 0): EventFacets {
  const scale = { high: 2, medium: 11, low: 40 }[query.get('severity') ?? ''] ?? 900;
  return {
    types: [
      { value: 'dns', count: scale * 6 },
      { value: 'flow', count: scale * 5 },
      { value: 'alert', count: scale + streamed },
    ].sort((one, other) => other.count - one.count),
    sensors: SENSORS.slice(0, 3).map(({ id }, index) => ({
      value: id,
      count: Math.ceil(scale / (index + 1)),
    })),
    instruments: [
      { value: 'suricata', count: scale },
      { value: 'platform', count: 3 },
    ],
    severities: [{ value: 'low', count: scale }],
    signatures: SIGNATURES.map(([, sid, text], index) => ({
      value: String(sid),
      label: text,
      count: 30 - index * 9,
    })),
    addresses: [
      { value: '203.0.113.80', count: 120 },
      { value: '10.20.3.7', count: 44 },
    ],
    sampled: ['signatures', 'addresses'],
    sampledEvents: 10_000,
  };
}

export function openAlerts(): OpenAlerts {
  const counts = SENSORS.slice(0, 3).flatMap(({ id }, index) => [
    { sensor: id, instrument: 'suricata', severity: 'high' as const, count: index + 1 },
    { sensor: id, instrument: 'suricata', severity: 'low' as const, count: 20 - index },
  ]);
  return { since: new Date(Date.now() - 86_400_000).toISOString(), counts, complete: true };
}
