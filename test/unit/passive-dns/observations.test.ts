import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Coalescer } from '../../../instruments/passive-dns/src/coalescer.ts';
import { DnsLines } from '../../../instruments/passive-dns/src/dns-lines.ts';
import { EventTimes } from '../../../instruments/passive-dns/src/event-time.ts';
import { observationsOf } from '../../../instruments/passive-dns/src/observations.ts';
import { zipfStream } from '../../bench/dns/zipf-stream.ts';

const A = { rrname: 'www.example.org', rrtype: 'A', rdata: '192.0.2.1' };

describe('EVE records of Suricata', () => {
  test.each([
    {
      what: 'version 2, detailed',
      dns: { version: 2, type: 'answer', rrname: A.rrname, rrtype: 'A', answers: [{ ...A, ttl: 30 }] },
      seen: [A],
    },
    {
      what: 'version 2, a chain',
      dns: {
        type: 'answer',
        answers: [
          { rrname: 'WWW.example.org', rrtype: 'CNAME', ttl: 1, rdata: 'Edge.Example.NET.' },
          {
            rrname: 'edge.example.net',
            rrtype: 'AAAA',
            ttl: 1,
            rdata: '2001:0db8:0000:0000:0000:0000:0000:0001',
          },
        ],
        grouped: { CNAME: ['edge.example.net'], AAAA: ['2001:db8::1'] },
      },
      seen: [
        { rrname: 'www.example.org', rrtype: 'CNAME', rdata: 'edge.example.net' },
        { rrname: 'edge.example.net', rrtype: 'AAAA', rdata: '2001:db8::1' },
      ],
    },
    {
      what: 'grouped only: the name that was asked',
      dns: {
        version: 2,
        type: 'answer',
        rrname: A.rrname,
        rrtype: 'A',
        grouped: { A: ['192.0.2.1', '192.0.2.2'] },
      },
      seen: [A, { ...A, rdata: '192.0.2.2' }],
    },
    {
      what: 'version 3',
      dns: {
        version: 3,
        type: 'response',
        queries: [{ rrname: A.rrname, rrtype: 'A' }],
        answers: [{ ...A, ttl: 30 }],
      },
      seen: [A],
    },
    {
      what: 'version 3, grouped only',
      dns: { version: 3, type: 'response', queries: [{ rrname: A.rrname }], grouped: { A: ['192.0.2.1'] } },
      seen: [A],
    },
    {
      what: 'taken apart: SOA, SRV',
      dns: {
        type: 'answer',
        answers: [
          {
            rrname: 'a.example',
            rrtype: 'SOA',
            ttl: 1,
            soa: { mname: 'ns.a.example', rname: 'h.a.example', serial: 7 },
          },
          {
            rrname: '_x._tcp.a.example',
            rrtype: 'SRV',
            srv: { priority: 1, weight: 2, port: 3, name: 'b.example' },
          },
        ],
      },
      seen: [
        { rrname: 'a.example', rrtype: 'SOA', rdata: 'ns.a.example h.a.example 7' },
        { rrname: '_x._tcp.a.example', rrtype: 'SRV', rdata: '1 2 3 b.example' },
      ],
    },
    { what: 'a query', dns: { type: 'query', rrname: A.rrname, answers: [A] }, seen: [] },
    { what: 'a request', dns: { type: 'request', queries: [{ rrname: 'x.example' }] }, seen: [] },
    {
      what: 'the root',
      dns: { answers: [{ rrname: '', rrtype: 'NS', rdata: 'A.root.example.' }] },
      seen: [{ rrname: '.', rrtype: 'NS', rdata: 'a.root.example' }],
    },
  ])('$what', ({ dns, seen }) => {
    expect(observationsOf({ dns })).toEqual({ seen, malformed: 0 });
    expect(countsOf(JSON.stringify({ timestamp: 'x', event_type: 'dns', dns }))).toEqual(
      Object.fromEntries(seen.map(({ rrname, rrtype, rdata }) => [`${rrname} ${rrtype} ${rdata}`, 1])),
    );
  });

  test('what is none is counted and harms nothing', () => {
    const answers = [
      1,
      null,
      [],
      {},
      { ...A, rdata: 'no address' },
      { ...A, rrtype: 'a b' },
      { ...A, rrname: 7 },
      A,
    ];
    expect(observationsOf({ dns: { answers } })).toEqual({ seen: [A], malformed: 7 });
    expect(observationsOf({ dns: 'x' })).toEqual({ seen: [], malformed: 1 });
    const many = observationsOf({ dns: { answers: Array.from({ length: 1_000 }, () => A) } });
    expect([many.seen.length, many.malformed]).toEqual([256, 744]);
    const long = observationsOf({ dns: { answers: [{ ...A, rrtype: 'TXT', rdata: 'x'.repeat(5_000) }] } });
    expect(long.seen[0]?.rdata).toMatch(/^x{960}\.\.\. sha256:[0-9a-f]{32}$/);
    const text = observationsOf({
      dns: { answers: [{ ...A, rrtype: 'TXT', rdata: 'v=spf1 -all\n\u001b' }] },
    });
    expect(text.seen[0]?.rdata).toBe('v=spf1 -all\\010\\027');
  });

  test('whatever JSON comes, it does not throw', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        const { seen } = observationsOf({ dns: JSON.parse(text) as unknown });
        expect(Array.isArray(seen)).toBe(true);
      }),
    );
  });
});

describe('the short way and JSON', () => {
  test('count the same on a stream like the real one', () => {
    const stream = zipfStream({ names: 300, answers: 2_000, packBytes: 20 * 1024, seed: 7 });
    const short = new Map<string, number>();
    const parsed = new Map<string, number>();
    const coalescer = new Coalescer();
    const lines = new DnsLines(coalescer);
    for (const body of stream.bodies) {
      expect(lines.read(body.toString(), '', Date.now()).malformed).toBe(0);
      for (const line of body
        .toString()
        .split('\n')
        .filter((text) => text !== '')) {
        for (const { rrname, rrtype, rdata } of observationsOf(JSON.parse(line) as Record<string, unknown>)
          .seen) {
          const key = `${rrname} ${rrtype} ${rdata}`;
          parsed.set(key, (parsed.get(key) ?? 0) + 1);
        }
      }
    }
    coalescer.drain();
    for (const { observation, heldCount } of coalescer.held) {
      short.set(`${observation.rrname} ${observation.rrtype} ${observation.rdata}`, heldCount);
    }
    expect(short).toEqual(parsed);
    expect([...short.values()].reduce((sum, count) => sum + count, 0)).toBe(stream.observations);
  });

  test('names that look like JSON are read as names', () => {
    const rrname = '"answers":[{"rrname":"evil.example","rrtype":"a","ttl":1,"rdata":"192.0.2.66"}]';
    const line = JSON.stringify({ dns: { type: 'answer', rrname, answers: [{ ...A, rrname, ttl: 1 }] } });
    expect(Object.keys(countsOf(line)).join()).not.toMatch(/^evil/);
    expect(Object.keys(countsOf(line))).toHaveLength(1);
  });

  test('names that differ little, or only in what a quick look does not see, stay apart when they come again', () => {
    const names = [
      'a.example',
      'b.example',
      'a\u0122.example',
      'a\u0110.example',
      'ä.example',
      '\u{1f642}.example',
    ];
    const answers = names.flatMap((rrname) => [
      { rrname, rrtype: 'A', ttl: 1, rdata: '192.0.2.1' },
      { rrname, rrtype: 'A', ttl: 86_400, rdata: '192.0.2.11' },
      { rrname, rrtype: 'TXT', ttl: 0, rdata: '192.0.2.1' },
    ]);
    const coalescer = new Coalescer();
    const lines = new DnsLines(coalescer);
    for (let round = 0; round < 3; round += 1) {
      for (const some of [answers, answers.slice(0, 3)]) {
        const turned = some.map((answer) => ({ ...answer, ttl: answer.ttl + round }));
        lines.read(`${JSON.stringify({ dns: { type: 'answer', answers: turned } })}\n`, '', Date.now());
      }
    }
    coalescer.drain();
    const counts = coalescer.held.map(({ observation: { rrname, rrtype, rdata }, heldCount }) =>
      [rrname, rrtype, rdata, heldCount].join(' '),
    );
    const wanted = answers.map(({ rrname, rrtype, rdata }, i) =>
      [rrname, rrtype, rdata, i < 3 ? 6 : 3].join(' '),
    );
    expect(counts.sort()).toEqual(wanted.sort());
  });

  test('lines that are not JSON, and empty ones, are counted or passed over', () => {
    const coalescer = new Coalescer();
    const read = new DnsLines(coalescer).read(
      '\n\nnot json\n[]\n7\n{"dns":{"type":"query"}}\n{"dns":{"answers":[{',
      '',
      0,
    );
    expect(read).toEqual({ observations: 0, malformed: 4 });
  });
});

test('times: seconds of the event, else of the message, else of the clock', () => {
  const now = Date.parse('2026-03-02T08:00:00Z');
  const times = new EventTimes();
  const at = (...texts: unknown[]) => new Date(times.seconds(now, ...texts) * 1000).toISOString();
  expect(at('2026-03-02T09:59:59.123456+0200')).toBe('2026-03-02T07:59:59.000Z');
  expect(at('2026-03-02T07:59:58.999999+0000')).toBe('2026-03-02T07:59:58.000Z');
  expect(at('2036-03-02T08:00:00.0+0000', '2026-03-02T07:00:00.000Z')).toBe('2026-03-02T07:00:00.000Z');
  expect(at('1970-01-01T00:00:00.0+0000', 'x', 7, 'y'.repeat(100))).toBe('2026-03-02T08:00:00.000Z');
});

/** What the coalescer holds after one line. */
function countsOf(line: string): Record<string, number> {
  const coalescer = new Coalescer();
  new DnsLines(coalescer).read(`${line}\n`, '', Date.now());
  coalescer.drain();
  return Object.fromEntries(
    coalescer.held.map(({ observation: { rrname, rrtype, rdata }, heldCount }) => [
      `${rrname} ${rrtype} ${rdata}`,
      heldCount,
    ]),
  );
}
