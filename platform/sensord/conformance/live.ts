import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { EVENT_HEADERS } from '../../contracts/index.ts';
import { consumerName, streamName, subjects, type BusMessage } from '../../bus/index.ts';
import { headers } from '@nats-io/transport-node';
import { waitFor } from '../../kernel/index.ts';
import { judge, NotApplicable, type Conformance } from './report.ts';
import { CHECKER, type CheckWorld } from './world.ts';

const CONNECT_MS = 30_000;
const HEALTH_MS = 5_000;
const GRACE_MS = 10_000;
const ACK_MS = 30_000;
const COMMAND_MS = 10_000;
const RESTART_MS = 40_000;

const HealthSchema = z.strictObject({
  state: z.enum(['ok', 'starting', 'degraded', 'failed']),
  detail: z.string().max(500).optional(),
  counters: z
    .record(z.string().max(64), z.number())
    .refine((counters) => Object.keys(counters).length <= 64, 'has more than 64 counters')
    .optional(),
});
const ReplySchema = z.union([
  z.looseObject({ ok: z.literal(true) }),
  z.looseObject({ ok: z.literal(false), code: z.string(), message: z.string() }),
]);

type Check = [check: { code: string; title: string; hint: string }, work: () => Promise<string>];

/** Asks a running instrument everything that PROTOCOL.md says, one thing after the other. The last one ends it. */
export async function checkLive(
  world: CheckWorld,
  onResult: (result: Conformance) => void,
): Promise<Conformance[]> {
  const { manifest, rooms } = world;
  const { name, asks } = manifest;
  const unwired = asks.interfaces.map((port) => port.name).join(', ');
  const seen = { connected: false };
  const ask = (command: string, payload: unknown, timeoutMs: number) =>
    rooms.bus.request(name, command, payload, timeoutMs);
  const published: BusMessage[] = [];
  const over = new AbortController();
  const feed = await rooms.bus.subscribeEvents(
    { instrument: name, start: 'beginning' },
    (message) => {
      if (published.length < 10_000) published.push(message);
    },
    over.signal,
  );

  const checks: Check[] = [
    [
      {
        code: 'connect',
        title: 'connects to the bus',
        hint: 'Authenticate within 2 s with the key in bus.nk (PROTOCOL.md 3); see its log.',
      },
      async () => {
        const began = performance.now();
        await waitFor('it to answer on the bus', CONNECT_MS, () =>
          ask('health', {}, 1_000).catch(() => undefined),
        );
        seen.connected = true;
        return `after ${String(Math.round(performance.now() - began))} ms`;
      },
    ],
    [
      {
        code: 'health',
        title: 'answers control.health',
        hint: 'Reply {"state","detail","counters"} within 5 s (PROTOCOL.md 7).',
      },
      async () => {
        const { state } = parsed(HealthSchema, await ask('health', {}, HEALTH_MS));
        const judged =
          unwired === '' ? '' : `; its state is not judged, because ${unwired} is not wired here`;
        if (unwired === '' && state === 'failed') throw new Error('it says that it failed');
        return `${state}${judged}`;
      },
    ],
    [
      {
        code: 'unknown-command',
        title: 'refuses a control command that it does not know',
        hint: 'Answer {"ok":false,"code":"BUS_UNKNOWN_COMMAND",…}.',
      },
      async () => {
        const reply = parsed(ReplySchema, await ask('conformance_unknown', {}, HEALTH_MS));
        if (reply['code'] !== 'BUS_UNKNOWN_COMMAND') throw new Error(`it answered ${shown(reply)}`);
        return 'BUS_UNKNOWN_COMMAND';
      },
    ],
    [
      {
        code: 'configure',
        title: 'answers control.configure',
        hint: 'Answer {"ok":true}, or why not; never stay silent.',
      },
      async () => shown(parsed(ReplySchema, await ask('configure', {}, COMMAND_MS))),
    ],
    [
      {
        code: 'messages',
        title: 'answers every command that it accepts',
        hint: 'Answer {"ok":…} once, also when the payload makes no sense.',
      },
      async () => {
        if (asks.accept.length === 0) throw new NotApplicable('it accepts none');
        const connection = await world.connectAs(CHECKER);
        for (const command of asks.accept) {
          const reply = await connection.request(subjects.message(name, CHECKER, command), '{}', {
            timeout: COMMAND_MS,
          });
          parsed(ReplySchema, JSON.parse(reply.string()));
        }
        return asks.accept.join(', ');
      },
    ],
    [
      {
        code: 'acknowledge',
        title: 'reads what it may read, and acknowledges it',
        hint: 'Pull from the durable consumer and answer +ACK within 30 s (PROTOCOL.md 5).',
      },
      () => acknowledges(world),
    ],
    [
      {
        code: 'events',
        title: 'publishes only what it declares, with the right headers',
        hint: 'See the table of headers in PROTOCOL.md 4.',
      },
      () => {
        if (published.length === 0) throw new NotApplicable('it published nothing during the check');
        for (const message of published) checkHeaders(message, name, asks.publish);
        return Promise.resolve(
          `${String(published.length)} messages: ${[...new Set(published.map(({ type }) => type))].join(', ')}`,
        );
      },
    ],
    [
      {
        code: 'bus-restart',
        title: 'comes back when the bus was killed',
        hint: 'Reconnect for ever, at least 200 ms apart, and subscribe again.',
      },
      async () => {
        const before = rooms.bus.serverPid();
        if (before === undefined) throw new Error('the bus was down already');
        process.kill(before, 'SIGKILL');
        const began = performance.now();
        await waitFor('it to answer again', RESTART_MS, async () => {
          const now = rooms.bus.serverPid();
          if (now === undefined || now === before) return undefined;
          return ask('health', {}, 1_000).catch(() => undefined);
        });
        return `after ${String(Math.round(performance.now() - began))} ms`;
      },
    ],
    [
      {
        code: 'writes',
        title: 'writes only below persistent and transient',
        hint: 'The root is read-only; /tmp is small and in memory.',
      },
      async () => {
        const lines = await rooms.runtime.log(name, { lines: 2_000 });
        const tried = lines.find((line) => /read-only file system|EROFS/i.test(line));
        if (tried !== undefined) throw new Error(`its log says: ${tried.slice(0, 200)}`);
        return 'nothing else was tried';
      },
    ],
    [
      {
        code: 'stop',
        title: 'ends when it is told to, with exit code 0',
        hint: 'On SIGTERM and SIGPWR: finish, disconnect, exit 0 within 10 s.',
      },
      async () => {
        const began = performance.now();
        await rooms.runtime.stop(name, { graceMs: GRACE_MS + 5_000 });
        const tookMs = performance.now() - began;
        const lines = await rooms.runtime.log(name, { lines: 2_000 });
        const code = lines
          .map((line) => /bulkhead-check: exit (\d+)/.exec(line)?.[1])
          .findLast((found) => found !== undefined);
        if (code === undefined) throw new Error('it had to be killed');
        if (code !== '0') throw new Error(`it ended with exit code ${code}`);
        if (tookMs > GRACE_MS + 3_000) throw new Error(`it took ${String(Math.round(tookMs))} ms`);
        return `after ${String(Math.round(tookMs))} ms`;
      },
    ],
  ];

  const results: Conformance[] = [];
  for (const [check, work] of checks) {
    const result = await judge(check, async () => {
      if (check.code !== 'connect' && !seen.connected) {
        throw new NotApplicable('it did not connect');
      }
      return work();
    });
    const excused: Conformance =
      !seen.connected && result.result === 'fail' && unwired !== ''
        ? {
            ...result,
            result: 'not applicable',
            text: `it does not run without ${unwired}, which is not wired here`,
          }
        : result;
    results.push(excused);
    onResult(excused);
  }
  over.abort();
  await feed.ended;
  return results;
}

/** Publishes in the name of those whom it reads, and looks at its consumers. */
async function acknowledges(world: CheckWorld): Promise<string> {
  const { manifest, instrument, rooms } = world;
  const rights = instrument.rights.read.filter(({ from }) => from !== manifest.name);
  if (rights.length === 0) throw new NotApplicable('it reads nothing');
  for (const { from, type } of rights) {
    const connection = await world.connectAs(from);
    for (let n = 0; n < 3; n += 1) {
      const id = randomBytes(8).toString('hex');
      const head = headers();
      head.set('Nats-Msg-Id', id);
      head.set(EVENT_HEADERS.id, id);
      head.set(EVENT_HEADERS.source, `/sensor/check/instrument/${from}`);
      head.set(EVENT_HEADERS.type, type);
      head.set(EVENT_HEADERS.time, new Date().toISOString());
      head.set(EVENT_HEADERS.count, '1');
      const record = {
        event_type: type,
        timestamp: new Date().toISOString(),
        src_ip: '192.0.2.1',
        dest_ip: '192.0.2.2',
      };
      await connection.request(subjects.event(from, type), `${JSON.stringify(record)}\n`, {
        headers: head,
        timeout: 5_000,
      });
    }
  }
  for (const { from, type } of rights) {
    const stream = streamName(from);
    const consumer = consumerName(manifest.name, type);
    await waitFor(`it to acknowledge the ${type} events of ${from}`, ACK_MS, async () => {
      const found = (await rooms.bus.streams()).find((one) => one.stream === stream);
      const reader = found?.readers.find((one) => one.consumer === consumer);
      return reader?.pending === 0 && reader.unacknowledged === 0;
    });
  }
  return `${String(rights.length * 3)} events of ${rights.map(({ from, type }) => `${from} ${type}`).join(', ')}`;
}

function checkHeaders(message: BusMessage, name: string, declared: readonly string[]): void {
  const { type, body, sequence } = message;
  const at = `message ${String(sequence)}`;
  if (!declared.includes(type))
    throw new Error(`${at} is of the type ${type}, which the manifest does not declare`);
  const expected: Record<string, string | RegExp> = {
    [EVENT_HEADERS.id]: /^[A-Za-z0-9_.-]{1,64}$/,
    [EVENT_HEADERS.source]: `/sensor/check/instrument/${name}`,
    [EVENT_HEADERS.type]: type,
    [EVENT_HEADERS.time]: /^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$/,
  };
  for (const [header, value] of Object.entries(expected)) {
    const found = message.headers[header] ?? '';
    const fits = typeof value === 'string' ? found === value : value.test(found);
    if (!fits) throw new Error(`${at}: the header ${header} is ${JSON.stringify(found.slice(0, 80))}`);
  }
  const text = Buffer.from(body).toString('utf8');
  const records = text.split('\n').filter((line) => line !== '');
  if (!text.endsWith('\n')) throw new Error(`${at}: its last record does not end with a newline`);
  if (message.headers[EVENT_HEADERS.count] !== String(records.length)) {
    throw new Error(`${at}: ${EVENT_HEADERS.count} is not its number of records, ${String(records.length)}`);
  }
  for (const record of records) {
    const value: unknown = JSON.parse(record);
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw new Error(`${at}: a record is no object`);
  }
}

function parsed<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new Error(
    `it answered ${shown(value)}: ${result.error.issues.map(({ message }) => message).join('; ')}`,
  );
}

function shown(value: unknown): string {
  return JSON.stringify(value).slice(0, 200);
}
