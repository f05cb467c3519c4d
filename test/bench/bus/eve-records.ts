/** A small deterministic generator (mulberry32), so that each run measures the same records. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const HOSTS = ['intranet', 'mail', 'pacs', 'updates', 'cdn-07', 'print', 'ldap', 'files', 'www', 'api'];
const ZONES = ['ward.example', 'clinic.example', 'vendor.example.net', 'cloud.example.org'];
const AGENTS = [
  'Mozilla/5.0 (X11; Linux x86_64)',
  'curl/8.5.0',
  'Windows-Update-Agent/10.0',
  'PACS-Viewer/4.2',
];
const SIGNATURES = [
  'ET SCAN Potential SSH Scan OUTBOUND',
  'ET POLICY curl User-Agent Outbound',
  'ET INFO DNS Query for Suspicious Domain',
  'GPL ICMP_INFO PING *NIX',
];

/**
 * EVE lines (with newline) of alert, flow, dns, http and tls records as Suricata writes them: all different, `bytes` long on
 * average.
 */
export function eveLines(count: number, bytes: number): Buffer[] {
  const next = random(7);
  const pick = <T>(values: readonly T[]): T => values[Math.floor(next() * values.length)] as T;
  const address = (net: string): string =>
    `${net}.${String(Math.floor(next() * 255))}.${String(1 + Math.floor(next() * 254))}`;
  const hex = (length: number): string =>
    Array.from({ length }, () => Math.floor(next() * 16).toString(16)).join('');
  const started = Date.parse('2026-03-02T08:00:00Z');
  return Array.from({ length: count }, (_, index) => {
    const [host, zone] = [pick(HOSTS), pick(ZONES)];
    const time = new Date(started + index * 37).toISOString().replace('Z', '+0000');
    const bytesOut = 60 + Math.floor(next() * 40_000);
    const base = {
      timestamp: time,
      flow_id: Math.floor(next() * 2 ** 51),
      in_iface: 'mon0',
      src_ip: address('10.20'),
      src_port: 1024 + Math.floor(next() * 60_000),
      dest_ip: address('198.18'),
      dest_port: pick([53, 80, 443, 22, 445, 8080]),
      proto: pick(['TCP', 'UDP']),
      flow: {
        pkts_toserver: 1 + Math.floor(next() * 60),
        pkts_toclient: Math.floor(next() * 60),
        bytes_toserver: bytesOut,
        bytes_toclient: Math.floor(bytesOut * next() * 3),
        start: time,
      },
    };
    const kinds = [
      {
        event_type: 'alert',
        alert: {
          action: 'allowed',
          gid: 1,
          signature_id: 2_000_000 + Math.floor(next() * 9_999),
          rev: 3,
          signature: pick(SIGNATURES),
          category: 'Attempted Information Leak',
          severity: 1 + Math.floor(next() * 3),
        },
      },
      {
        event_type: 'dns',
        dns: {
          type: 'answer',
          id: Math.floor(next() * 65_535),
          rrname: `${host}.${zone}`,
          rrtype: 'A',
          rcode: 'NOERROR',
          answers: [{ rrname: `${host}.${zone}`, rrtype: 'A', ttl: 300, rdata: address('203.0') }],
        },
      },
      {
        event_type: 'http',
        http: {
          hostname: `${host}.${zone}`,
          url: `/${hex(12)}/index.html?id=${hex(8)}`,
          http_user_agent: pick(AGENTS),
          http_method: 'GET',
          protocol: 'HTTP/1.1',
          status: pick([200, 301, 404]),
          length: bytesOut,
        },
      },
      {
        event_type: 'tls',
        tls: {
          subject: `CN=${host}.${zone}`,
          issuerdn: 'C=XX, O=Example CA, CN=R3',
          serial: hex(36),
          fingerprint: hex(40),
          sni: `${host}.${zone}`,
          version: 'TLS 1.3',
          ja3: { hash: hex(32) },
        },
      },
    ];
    const record = { ...base, ...pick(kinds), payload_printable: '' };
    // The rest of the length varies by a third around the mean and looks like a payload: letters, few repetitions.
    const missing = Math.max(
      0,
      Math.round(bytes * (0.67 + next() * 0.66)) - JSON.stringify(record).length - 1,
    );
    record.payload_printable = hex(missing);
    return Buffer.from(`${JSON.stringify(record)}\n`);
  });
}
