import { setTimeout as sleep } from 'node:timers/promises';
import { PermissionViolationError, type NatsConnection } from '@nats-io/transport-node';
import { consumerName, streamName, type BusInstrument, type BusModel } from '@bulkhead/platform/bus';
import type { Instrument } from '@bulkhead/sdk';
import { connectAsInstrument } from '../../support/nats-clients.ts';
import { busInstrument, busModel, openBusBench, type BusBench } from '../../support/nats.ts';
import type { BenchContext, Figure } from '../result.ts';

export const COUNT = 50;
const REVOCATIONS = 60;
const MEASURE_MS = 100_000;
/** Each of the others publishes one record so often all the while. */
const BESIDE_MS = 500;
const GIVE_UP_MS = 10_000;
/** How often a right is tried while it is taken away; half of it is the error of each time. */
const TRY_MS = 20;
/** Messages of one pull. */
const PULLED = 64;

const NAMES = Array.from({ length: COUNT }, (_, i) => `tool-${String(i)}`);

/** Instruments in a ring: each publishes, reads what the next one publishes, and commands it. */
export function ring(count: number): BusInstrument[] {
  return NAMES.slice(0, count).map((name, i) => {
    const next = nameAt((i + 1) % count);
    return busInstrument(name, {
      publish: ['alert'],
      read: [{ from: next, type: 'alert' }],
      send: [{ to: next, command: 'ping' }],
      accept: ['ping'],
      services: ['journal'],
    });
  });
}

interface Others {
  instruments: Instrument[];
  reconnects: number;
  stop: () => Promise<void>;
}

/** Takes the rights of one instrument after another while all are connected and publish. */
export async function measureRevocations(context: BenchContext): Promise<Figure[]> {
  const bench = await openBusBench('bng');
  try {
    const model = busModel(ring(COUNT), { streamMib: 16 });
    await bench.bus.ensure(model);
    const others = await connectAll(bench, model);
    const times = {
      all: [] as number[],
      publish: [] as number[],
      pull: [] as number[],
      send: [] as number[],
    };
    let after = 0;
    const until = performance.now() + MEASURE_MS;
    for (let round = 0; round < REVOCATIONS && performance.now() < until; round += 1) {
      context.signal.throwIfAborted();
      const revoked = await revokeOnce(bench, model, others, round);
      for (const key of ['publish', 'pull', 'send'] as const) times[key].push(revoked[key]);
      times.all.push(Math.max(revoked.publish, revoked.pull, revoked.send));
      after += revoked.eventsAfter;
      await bench.bus.ensure(model);
      victim = undefined;
      if (round % 10 === 9)
        context.progress(
          `${String(round + 1)} revocations, the last took ${String(Math.round(times.all.at(-1) ?? 0))} ms`,
        );
    }
    if (times.all.length < 40) throw new Error(`only ${String(times.all.length)} revocations in the time`);
    await others.stop();
    const errors = others.instruments.reduce((sum, instrument) => {
      const { refused, rejected } = instrument.counters();
      return sum + refused + rejected;
    }, 0);
    const resent = others.instruments.reduce((sum, instrument) => sum + instrument.counters().resent, 0);
    const published = others.instruments.reduce((sum, instrument) => sum + instrument.counters().stored, 0);
    const ms = (name: string, values: readonly number[], p: number): Figure => ({
      name: `${name}_p${String(p)}_ms`,
      value: Math.round(percentile(values, p)),
      unit: 'ms',
    });
    const count = (name: string, value: number): Figure => ({ name, value, unit: 'count' });
    return [
      ms('revoked', times.all, 50),
      ms('revoked', times.all, 99),
      ms('publish_refused', times.publish, 99),
      ms('pull_ended', times.pull, 99),
      ms('message_refused', times.send, 99),
      count('revocations', times.all.length),
      count('events_after_revocation', after),
      count('others_reconnects', others.reconnects),
      count('others_publish_errors', errors),
      count('others_events_stored', published),
      count('others_sent_again', resent),
    ];
  } finally {
    await bench.dispose();
  }
}

/** Everybody publishes and answers through the sdk. The victim's own errors are expected; its turn is left out below. */
async function connectAll(bench: BusBench, model: BusModel): Promise<Others> {
  const others: Others = { instruments: [], reconnects: 0, stop: () => Promise.resolve() };
  for (const name of NAMES) {
    const instrument = await bench.instrument(model, name, {
      logTo: (line) => {
        if (line.includes('connection to the bus lost')) others.reconnects += 1;
      },
    });
    instrument.handle('ping', () => 1);
    others.instruments.push(instrument);
  }
  const ending = new AbortController();
  const publishing = others.instruments.map(async (instrument, i) => {
    await sleep((BESIDE_MS * i) / COUNT);
    while (!ending.signal.aborted) {
      // The victim of the moment does not publish through the sdk: its refusals are no disturbance.
      if (victim !== instrument.name)
        await instrument.publish('alert', { beside: true }).catch(() => undefined);
      await sleep(BESIDE_MS);
    }
  });
  others.stop = async () => {
    ending.abort();
    await Promise.all(publishing);
  };
  return others;
}

let victim: string | undefined;

async function revokeOnce(bench: BusBench, model: BusModel, others: Others, round: number) {
  const index = (round * 7) % COUNT;
  const [name, next] = [nameAt(index), nameAt(index + 1)];
  victim = name;
  await others.instruments[index]?.flush();
  const raw = await connectAsInstrument(bench, name);
  const reading = await readingWith(raw, name, next);
  // Something comes through all three before; a right that was never used is no proof.
  await raw.request(`event.${name}.alert`, '{}\n', { timeout: GIVE_UP_MS });
  await raw.request(`message.${next}.${name}.ping`, '{}', { timeout: GIVE_UP_MS });
  await within(GIVE_UP_MS, 'an event', reading.first);
  const without = model.instruments.map((instrument) =>
    instrument.name === name ? { ...instrument, publish: [], read: [], send: [] } : instrument,
  );
  const started = performance.now();
  const since = () => performance.now() - started;
  const changed = bench.bus.ensure({ ...model, instruments: without });
  const [publish, send, pull] = await Promise.all([
    refusedOf(raw, `event.${name}.alert`, '{}\n').then(since),
    refusedOf(raw, `message.${next}.${name}.ping`, '{}').then(since),
    within(GIVE_UP_MS, 'the pull to end', reading.ended).then(since),
  ]);
  await changed;
  const before = reading.events();
  await others.instruments[(index + 1) % COUNT]?.publish('alert', { after: true });
  await sleep(50);
  const eventsAfter = reading.events() - before;
  await raw.close();
  return { publish, send, pull, eventsAfter };
}

/** A pull that is renewed as soon as it is served, so that one is outstanding all the while. */
async function readingWith(raw: NatsConnection, name: string, from: string) {
  const inbox = `_INBOX.${name}.pull`;
  const subject = `$JS.platform.API.CONSUMER.MSG.NEXT.${streamName(from)}.${consumerName(name, 'alert')}`;
  const pull = (): void => {
    raw.publish(subject, JSON.stringify({ batch: PULLED, expires: 20_000_000_000 }), { reply: inbox });
  };
  let events = 0;
  let end: () => void = () => undefined;
  let begin: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => (end = resolve));
  const first = new Promise<void>((resolve) => (begin = resolve));
  raw.subscribe(inbox, {
    callback: (error, message) => {
      if (error !== null) return;
      if (message.headers?.code === 409 && /deleted/i.test(message.headers.description)) {
        end();
      } else if (message.headers?.code === undefined || message.headers.code === 0) {
        events += 1;
        message.respond('+ACK');
        if (events % PULLED === 0) pull();
        begin();
      }
    },
  });
  pull();
  await raw.flush();
  return { ended, first, events: () => events };
}

/** Publishes again and again, without waiting for answers, until the server says that it is not permitted. */
async function refusedOf(raw: NatsConnection, subject: string, body: string): Promise<void> {
  const refused = new AbortController();
  void (async () => {
    for await (const status of raw.status()) {
      if (status.type !== 'error' || !(status.error instanceof PermissionViolationError)) continue;
      if (status.error.subject === subject) refused.abort();
    }
  })();
  const until = performance.now() + GIVE_UP_MS;
  while (!refused.signal.aborted) {
    if (performance.now() > until)
      throw new Error(`${subject} is still permitted after ${String(GIVE_UP_MS)} ms`);
    raw.publish(subject, body);
    await sleep(TRY_MS);
  }
}

async function within<T>(ms: number, what: string, work: Promise<T>): Promise<T> {
  const ended = new AbortController();
  const late = sleep(ms, undefined, { signal: ended.signal }).then((): never => {
    throw new Error(`waited ${String(ms)} ms for ${what}`);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    late.catch(() => undefined);
    ended.abort();
  }
}

function nameAt(index: number): string {
  return NAMES[index % COUNT] ?? '';
}

function percentile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil((p / 100) * sorted.length) - 1)] ?? 0;
}
