/** A small deterministic generator (mulberry32), so that each run measures the same records. */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const HOSTS = [
  'intranet',
  'mail',
  'pacs',
  'updates',
  'print',
  'ldap',
  'files',
  'www',
  'api',
  'time',
  'backup',
  'sso',
];
const AGENTS = [
  'Mozilla/5.0 (X11; Linux x86_64)',
  'curl/8.5.0',
  'Windows-Update-Agent/10.0',
  'PACS-Viewer/4.2',
];
const PATHS = [
  'index.html',
  'login',
  'status',
  'images/logo.png',
  'v1/orders',
  'download/setup.exe',
  'report',
];
/** Share of all records, as one sees it on an office network. */
export const MIX: readonly (readonly [type: string, share: number])[] = [
  ['flow', 0.4],
  ['dns', 0.35],
  ['tls', 0.1],
  ['http', 0.08],
  ['fileinfo', 0.05],
  ['alert', 0.02],
];

/** What the bench asks for, in proportion to how often it occurs. */
export interface Population {
  inside: (rank: number) => string;
  outside: (rank: number) => string;
  name: (rank: number) => string;
  signature: (rank: number) => { id: number; text: string };
}

export const SIZES = Object.freeze({ inside: 600, outside: 40_000, names: 25_000, signatures: 400 });

export const population: Population = {
  inside: (rank) => `10.20.${String(rank >> 8)}.${String(rank & 255)}`,
  outside: (rank) => `198.${String(18 + (rank >> 16))}.${String((rank >> 8) & 255)}.${String(rank & 255)}`,
  name: (rank) =>
    `${HOSTS[rank % HOSTS.length] ?? 'www'}.zone-${String(Math.floor(rank / HOSTS.length))}.example`,
  signature: (rank) => ({
    id: 2_019_000 + rank,
    text: `ET POLICY example rule ${String(rank)} outbound request`,
  }),
};

/** Few are frequent, most are rare. */
export function zipf(next: () => number, count: number): number {
  return Math.min(count - 1, Math.floor(Math.exp(next() * Math.log(count + 1)) - 1));
}

/** One message of `count` records of one type. */
export function eveBody(next: () => number, type: string, timeMs: number, count: number): Buffer {
  const lines = Array.from({ length: count }, () => JSON.stringify(record(next, type, timeMs)));
  return Buffer.from(`${lines.join('\n')}\n`);
}

function record(next: () => number, type: string, timeMs: number): Record<string, unknown> {
  const pick = <T>(values: readonly T[]): T => values[Math.floor(next() * values.length)] as T;
  const hex = (length: number): string => {
    let text = '';
    while (text.length < length) text += Math.floor(next() * 2 ** 32).toString(16);
    return text.slice(0, length);
  };
  const name = population.name(zipf(next, SIZES.names));
  const time = new Date(timeMs).toISOString().replace('Z', '+0000');
  const bytes = Math.floor(next() * 40_000);
  const base = {
    timestamp: time,
    flow_id: Math.floor(next() * 2 ** 50),
    in_iface: 'mon0',
    event_type: type,
    src_ip: population.inside(zipf(next, SIZES.inside)),
    src_port: 1024 + Math.floor(next() * 60_000),
    dest_ip: population.outside(zipf(next, SIZES.outside)),
    dest_port: pick([53, 80, 443, 22, 445, 8080]),
    proto: pick(['TCP', 'UDP']),
    pkt_src: 'wire/pcap',
  };
  const flow = {
    pkts_toserver: 1 + (bytes % 60),
    pkts_toclient: bytes % 47,
    bytes_toserver: bytes,
    start: time,
  };
  switch (type) {
    case 'alert': {
      const { id, text } = population.signature(zipf(next, SIZES.signatures));
      const alert = { action: 'allowed', gid: 1, signature_id: id, rev: 3, signature: text };
      return {
        ...base,
        alert: { ...alert, category: 'Potentially Bad Traffic', severity: 1 + (id % 3) },
        flow,
      };
    }
    case 'dns':
      return {
        ...base,
        dns: {
          ...{ version: 2, type: 'answer', id: bytes, flags: '8180', qr: true, rd: true, ra: true },
          ...{ rrname: name, rrtype: 'A', rcode: 'NOERROR' },
          answers: [
            { rrname: name, rrtype: 'A', ttl: 300, rdata: population.outside(zipf(next, SIZES.outside)) },
          ],
        },
      };
    case 'http':
      return {
        ...base,
        http: {
          ...{ hostname: name, url: `/${pick(PATHS)}?id=${hex(8)}`, http_user_agent: pick(AGENTS) },
          ...{
            http_content_type: 'text/html',
            http_method: 'GET',
            protocol: 'HTTP/1.1',
            status: 200,
            length: bytes,
          },
        },
      };
    case 'tls':
      return {
        ...base,
        tls: {
          subject: `CN=${name}`,
          issuerdn: 'C=XX, O=Example CA, CN=R3',
          serial: hex(36),
          sni: name,
          version: 'TLS 1.3',
        },
      };
    case 'fileinfo':
      return {
        ...base,
        fileinfo: {
          filename: `/${pick(PATHS)}`,
          state: 'CLOSED',
          stored: false,
          size: bytes,
          sha256: hex(64),
        },
      };
    default:
      return {
        ...base,
        app_proto: pick(['dns', 'tls', 'http', 'failed']),
        flow: { ...flow, state: 'closed', reason: 'timeout' },
      };
  }
}
