import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EventBatch, Instrument } from '@bulkhead/sdk';
import { messageKey } from '../../../instruments/passive-dns/src/alert-names.ts';
import { lookUp, LookupSchema } from '../../../instruments/passive-dns/src/lookup.ts';
import { DnsStore } from '../../../instruments/passive-dns/src/store.ts';
import { busInstrument, busModel, openBusBench } from '../../support/nats.ts';
import type { Bench, BenchContext, Measurement } from '../result.ts';
import { generator, zipfStream, type DnsStream } from './zipf-stream.ts';

const NAMES = 100_000;
const PACK_BYTES = 20 * 1024;
/** Messages that the bus hands out before the first is acknowledged. */
const UNACKNOWLEDGED = 64;
const ROUNDS = 5;
const RRSETS = 1_000_000;
const QUERIES = 20_000;
const BOUNDS = { maxRecords: 5_000_000, maxRecordsPerSuffix: 1_000_000, maxBytes: 8 * 2 ** 30 };

/** Observations per second from event to durable row, and the time of a look-up among a million records. */
export const bench: Bench = {
  name: 'dns',
  title: 'passive DNS: observations from event to durable row on a Zipf stream; look-ups at 10^6 records',
  timeoutMs: 600_000,
  run: measure,
};

async function measure(context: BenchContext): Promise<Measurement> {
  const folder = mkdtempSync(join(tmpdir(), 'bdns-bench-'));
  try {
    const stream = zipfStream({ names: NAMES, answers: 250_000, packBytes: PACK_BYTES, seed: 1 });
    const ingest = await measureIngest(context, join(folder, 'ingest.sqlite'), stream);
    const bus = await measureBus(context, join(folder, 'bus.sqlite'), stream);
    const queries = await measureQueries(context, join(folder, 'queries.sqlite'));
    return {
      figures: [
        {
          name: 'ingest_observations_per_s',
          value: Math.round(median(ingest.rates)),
          unit: 'observations/s',
        },
        { name: 'ingest_us_cpu_per_observation', value: round3(ingest.cpuUs), unit: 'us' },
        { name: 'through_bus_observations_per_s', value: Math.round(bus), unit: 'observations/s' },
        { name: 'observations_per_answer', value: round3(stream.observations / 250_000), unit: 'ratio' },
        { name: 'rrsets_in_stream', value: ingest.records, unit: 'count' },
        { name: 'query_name_p50_ms', value: round3(queries.name.p50), unit: 'ms' },
        { name: 'query_name_p99_ms', value: round3(queries.name.p99), unit: 'ms' },
        { name: 'query_address_p99_ms', value: round3(queries.address.p99), unit: 'ms' },
        { name: 'query_below_p99_ms', value: round3(queries.below.p99), unit: 'ms' },
        { name: 'query_rrsets', value: queries.records, unit: 'count' },
      ],
      targets: [
        { figure: 'ingest_observations_per_s', min: 300_000 },
        { figure: 'query_name_p99_ms', max: 1 },
        { figure: 'query_address_p99_ms', max: 1 },
      ],
      notes: [
        'ingest: messages as the sdk hands them over (bytes of 20 KiB packs, a query and an answer in turns, 64 unacknowledged), decoding, reading, journal with a sync before each acknowledgement, until all is in rows (WAL, synchronous FULL)',
        'through_bus: the same messages, stored in a real nats-server before, read by the sdk; one process reads, parses and writes',
        'a look-up is one query to the database, without the bus or HTTP',
      ],
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function openStore(context: BenchContext, file: string): Promise<DnsStore> {
  const store = new DnsStore({
    file,
    // A bundle below build/ does not find it by itself.
    nativeBinding: join(context.root, 'node_modules/better-sqlite3/build/Release/better_sqlite3.node'),
    bounds: () => BOUNDS,
    warn: (message, fields) => process.stderr.write(`dns: ${message} ${JSON.stringify(fields)}\n`),
  });
  await store.open();
  return store;
}

/** The first round fills an empty database and is not counted: a sensor has been running for a while. */
async function measureIngest(context: BenchContext, file: string, stream: DnsStream) {
  const store = await openStore(context, file);
  const rates: number[] = [];
  let cpuUs = 0;
  for (let round = 0; round <= ROUNDS; round += 1) {
    context.signal.throwIfAborted();
    const cpu = process.cpuUsage();
    const started = performance.now();
    const waiting = new Set<Promise<void>>();
    const time = new Date().toISOString();
    for (const [i, body] of stream.bodies.entries()) {
      const key = `suricata/dns/${String(round)}-${String(i)}`;
      const taken: Promise<void> = store
        .take({ key, text: body.toString('utf8'), time })
        .finally(() => waiting.delete(taken));
      waiting.add(taken);
      while (waiting.size >= UNACKNOWLEDGED) await Promise.race(waiting);
    }
    await Promise.all(waiting);
    await store.settle();
    const rate = (stream.observations / (performance.now() - started)) * 1_000;
    context.progress(`ingest round ${String(round)}: ${String(Math.round(rate))} observations/s`);
    if (round === 0) continue;
    rates.push(rate);
    const used = process.cpuUsage(cpu);
    cpuUs += (used.user + used.system) / stream.observations / ROUNDS;
  }
  const counted = store.query((db) => db.prepare('SELECT sum(count) FROM rrsets').pluck().get());
  if (counted !== stream.observations * (ROUNDS + 1))
    throw new Error(`the database counted ${String(counted)} observations`);
  const records = store.writer?.records ?? 0;
  await store.close();
  return { rates, cpuUs, records };
}

/** Publishes the stream into a real bus first, then reads it as the instrument does. */
async function measureBus(context: BenchContext, file: string, stream: DnsStream): Promise<number> {
  const bus = await openBusBench('bnd');
  const store = await openStore(context, file);
  try {
    const model = busModel(
      [
        busInstrument('suricata', { publish: ['dns'] }),
        busInstrument('passive-dns', { read: [{ from: 'suricata', type: 'dns' }] }),
      ],
      { streamMib: 2_048 },
    );
    await bus.bus.ensure(model);
    await publishAll(await bus.instrument(model, 'suricata'), stream);
    context.progress('the stream is in the bus');
    const reader = await bus.instrument(model, 'passive-dns');
    const started = performance.now();
    const take = (batch: EventBatch) =>
      store.take({ key: messageKey(batch), text: batch.text, time: batch.time });
    const subscription = reader.subscribeBatches('suricata', 'dns', take);
    while (store.counters.observations < stream.observations || store.waiting > 0) {
      context.signal.throwIfAborted();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await store.settle();
    const rate = (stream.observations / (performance.now() - started)) * 1_000;
    await subscription.stop();
    return rate;
  } finally {
    await store.close();
    await bus.dispose();
  }
}

async function publishAll(publisher: Instrument, stream: DnsStream): Promise<void> {
  for (const body of stream.bodies) {
    for (let start = 0, end = 0; start < body.length; start = end + 1) {
      end = body.indexOf(10, start);
      void publisher.publishRaw('dns', body.subarray(start, end));
    }
    await publisher.ready();
  }
  await publisher.flush();
  if (publisher.counters().stored !== stream.records)
    throw new Error('not every record was stored by the bus');
}

/** Exact names, addresses and names below a domain that are there, drawn evenly: the cache helps little. */
async function measureQueries(context: BenchContext, file: string) {
  const store = await openStore(context, file);
  const random = generator(7);
  const name = (i: number) => `h${String(i)}.site-${String(i >> 3)}.example`;
  const address = (i: number) => `10.${String((i >> 16) & 255)}.${String((i >> 8) & 255)}.${String(i & 255)}`;
  const time = new Date().toISOString();
  for (let at = 0; at < RRSETS; at += 10_000) {
    context.signal.throwIfAborted();
    const lines = Array.from({ length: 10_000 }, (_, n) => {
      const answer = { rrname: name(at + n), rrtype: 'A', ttl: 1, rdata: address(at + n) };
      return JSON.stringify({ timestamp: time, dns: { type: 'answer', answers: [answer] } });
    });
    await store.take({ key: randomBytes(8).toString('hex'), text: `${lines.join('\n')}\n`, time });
  }
  await store.settle();
  const records = store.writer?.records ?? 0;
  if (records < RRSETS) throw new Error(`only ${String(records)} records are in the database`);
  context.progress(`${String(records)} records; asking`);
  const timed = (query: (i: number) => string, least: number) => {
    const times: number[] = [];
    for (let n = 0; n < QUERIES; n += 1) {
      const lookup = LookupSchema.parse({ query: query(Math.floor(random() * RRSETS)), limit: 100 });
      const started = performance.now();
      const found = store.query((db) => lookUp(db, lookup));
      times.push(performance.now() - started);
      if (found.records.length < least) throw new Error(`${lookup.query} was not found`);
    }
    times.sort((a, b) => a - b);
    return { p50: times[QUERIES >> 1] ?? NaN, p99: times[Math.floor(QUERIES * 0.99)] ?? NaN };
  };
  const result = {
    name: timed(name, 1),
    address: timed(address, 1),
    below: timed((i) => `*.site-${String(i >> 3)}.example`, 8),
    records,
  };
  await store.close();
  return result;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? NaN;
}

function round3(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
