/** What a stream is made of. */
export interface StreamShape {
  /** Different names; how often each comes falls with its rank (Zipf, exponent 1). */
  names: number;
  /** DNS answers; each has a query before it, as Suricata writes both. */
  answers: number;
  /** Bytes of one message, as the sdk packs. */
  packBytes: number;
  seed: number;
}

/** Messages of EVE `dns` records, and what they hold. */
export interface DnsStream {
  bodies: Buffer[];
  /** Lines, queries included. */
  records: number;
  /** Entries of answer sections. */
  observations: number;
}

/**
 * EVE records as Suricata 7 writes them (version 2, detailed and grouped): queries and answers in turns, an answer with one to
 * six entries (a CNAME in every second), TTLs as they run down in a cache. The same seed gives the same stream.
 */
export function zipfStream(shape: StreamShape): DnsStream {
  const random = generator(shape.seed);
  const rank = zipfRanks(shape.names, random);
  const stream: DnsStream = { bodies: [], records: 0, observations: 0 };
  let lines: string[] = [];
  let bytes = 0;
  const push = (line: string) => {
    if (bytes + line.length + 1 > shape.packBytes) {
      stream.bodies.push(Buffer.from(`${lines.join('\n')}\n`));
      lines = [];
      bytes = 0;
    }
    lines.push(line);
    bytes += line.length + 1;
    stream.records += 1;
  };
  const base = Date.now();
  for (let i = 0; i < shape.answers; i += 1) {
    const name = rank();
    const rrname = nameOf(name);
    const answers = answersOf(name, rrname, random);
    const timestamp = `${new Date(base + i / 100).toISOString().slice(0, 23)}123+0000`;
    push(line(timestamp, i, rrname, 'query', { id: i % 65_536, rrname, rrtype: 'A', tx_id: 0, opcode: 0 }));
    const grouped: Record<string, string[]> = {};
    for (const { rrtype, rdata } of answers) (grouped[rrtype] ??= []).push(rdata);
    push(
      line(timestamp, i, rrname, 'answer', {
        id: i % 65_536,
        flags: '8180',
        qr: true,
        rd: true,
        ra: true,
        opcode: 0,
        rrname,
        rrtype: 'A',
        rcode: 'NOERROR',
        answers,
        grouped,
      }),
    );
    stream.observations += answers.length;
  }
  stream.bodies.push(Buffer.from(`${lines.join('\n')}\n`));
  return stream;
}

function line(timestamp: string, i: number, _name: string, type: string, dns: object): string {
  return JSON.stringify({
    timestamp,
    flow_id: 1_000_000_000_000 + i,
    in_iface: 'mon0',
    event_type: 'dns',
    src_ip: `10.0.${String((i >> 8) % 256)}.${String(i % 256)}`,
    src_port: 49_152 + (i % 16_384),
    dest_ip: '10.255.0.53',
    dest_port: 53,
    proto: 'UDP',
    pkt_src: 'wire/pcap',
    dns: { version: 2, type, ...dns },
  });
}

function nameOf(name: number): string {
  const host = ['www', 'api', 'cdn', 'mail', 'img'][name % 5] ?? 'www';
  return `${host}.site-${String(name >> 3)}.${['com', 'org', 'net', 'example'][name % 4] ?? 'com'}`;
}

function answersOf(name: number, rrname: string, random: () => number) {
  const ttl = () => Math.floor(random() * 300);
  const owner = name % 2 === 0 ? rrname : `edge-${String(name % 997)}.cdn.example`;
  const first = owner === rrname ? [] : [{ rrname, rrtype: 'CNAME', ttl: ttl(), rdata: owner }];
  const addresses = Array.from({ length: 1 + (name % 5) }, (_, i) => ({
    rrname: owner,
    rrtype: 'A',
    ttl: ttl(),
    rdata: `198.${String(18 + (name % 2))}.${String((name * 7 + i) % 256)}.${String((name * 13 + i * 31) % 256)}`,
  }));
  return [...first, ...addresses];
}

/** Draws ranks 0, 1, … with a probability that falls as 1 / (rank + 1). */
function zipfRanks(names: number, random: () => number): () => number {
  const cumulated = new Float64Array(names);
  let sum = 0;
  for (let i = 0; i < names; i += 1) {
    sum += 1 / (i + 1);
    cumulated[i] = sum;
  }
  return () => {
    const wanted = random() * sum;
    let [low, high] = [0, names - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((cumulated[middle] ?? 0) < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

/** Numbers in [0, 1) that repeat for a seed (mulberry32). */
export function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 4_294_967_296;
  };
}
