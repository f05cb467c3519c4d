import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { headers, type NatsConnection } from '@nats-io/transport-node';
import { Ingest, type FleetEventStore, type Hub } from '@bulkhead/fleet-server/events';
import { UplinkCursor, UplinkSender, type UplinkChoice, type UplinkGap } from '@bulkhead/platform/fleet-link';
import { waitFor } from '@bulkhead/platform/kernel';
import { connectAsInstrument } from '../nats-clients.ts';
import { busInstrument, busModel } from '../nats.ts';
import { HUB_LOG, openSensorBus, type UplinkDoor } from './hub-bench.ts';

/** What a sensor of these tests has: one instrument. */
export const UPLINK_MODEL = busModel([busInstrument('suricata', { publish: ['alert', 'dns'] })], {
  encrypt: false,
});

const IN_FLIGHT = 64;

/** A sensor with its real nats-server, which brings its events to a hub as sensord does. */
export async function openUplinkSensor(
  hub: () => UplinkDoor,
  options: { id?: string; choice?: UplinkChoice; model?: typeof UPLINK_MODEL } = {},
) {
  const sensor = await openSensorBus(hub, { model: UPLINK_MODEL, ...options });
  const folder = await mkdtemp(join(tmpdir(), 'bulkhead-uplink-'));
  const file = join(folder, 'uplink.json');
  const gaps: UplinkGap[] = [];
  let client: NatsConnection | undefined;
  let running: { end: AbortController; ended: Promise<void>; sender: UplinkSender } | undefined;
  let count = 0;
  const uplink = {
    ...sensor,
    gaps,
    /** How many messages were published, and acknowledged by the sensor's own store. */
    get published(): number {
      return count;
    },
    cursorFile: file,
    get sender(): UplinkSender | undefined {
      return running?.sender;
    },
    /** As at a start of sensord. */
    start: async (): Promise<void> => {
      const cursor = await UplinkCursor.open(file, sensor.id);
      const { bus } = sensor.bench;
      const sender = new UplinkSender({
        ...{ log: HUB_LOG, sensor: sensor.id, cursor, source: bus },
        publish: (message, timeoutMs) => bus.uplink.publish(message, timeoutMs),
        choice: () => options.choice ?? { types: undefined, policies: [] },
        linked: () => sensor.forwarder.up,
        onGap: async (gap) => {
          gaps.push(gap);
          await bus.publishPlatform('uplink.gap', { ...gap });
        },
      });
      const end = new AbortController();
      running = { end, sender, ended: sender.run(end.signal) };
    },
    stop: async (): Promise<void> => {
      running?.end.abort();
      await running?.ended;
      running = undefined;
    },
    /** Publishes messages of one record each, `{ n }` from 0 on, spread over the instrument's types; `timeOf` is when each happened. */
    publish: async (
      messages: number,
      record: (n: number) => Record<string, unknown> = () => ({}),
      timeOf: (n: number) => number = () => Date.now(),
    ) => {
      client ??= await connectAsInstrument(sensor.bench, 'suricata', {
        ...{ reconnect: true, maxReconnectAttempts: -1, reconnectTimeWait: 100 },
      });
      const open = client;
      let pending: Promise<unknown>[] = [];
      for (let done = 0; done < messages; done += 1) {
        const n = count;
        count += 1;
        pending.push(publishOne(open, sensor.model.sensor, n, record(n), timeOf(n)));
        if (pending.length >= IN_FLIGHT) {
          await Promise.all(pending);
          pending = [];
        }
      }
      await Promise.all(pending);
    },
    dispose: async (): Promise<void> => {
      await uplink.stop();
      await client?.close();
      await sensor.dispose();
      await rm(folder, { recursive: true, force: true });
    },
  };
  return uplink;
}

async function publishOne(
  client: NatsConnection,
  sensor: string,
  n: number,
  record: Record<string, unknown>,
  timeMs: number,
): Promise<void> {
  const type = n % 3 === 0 ? 'alert' : 'dns';
  const head = headers();
  head.set('ce-id', `m${String(n)}`);
  head.set('ce-source', `/sensor/${sensor}/instrument/suricata`);
  head.set('ce-type', type);
  head.set('ce-time', new Date(timeMs).toISOString());
  head.set('bh-count', '1');
  const body = `${JSON.stringify({ n, ...record })}\n`;
  // As the sdk does: what was lost with a connection is sent again, under a name by which the stream knows it.
  head.set('Nats-Msg-Id', `m${String(n)}`);
  await waitFor(
    `message ${String(n)} to be stored`,
    60_000,
    async () => {
      const reply = await client
        .request(`event.suricata.${type}`, body, { headers: head, timeout: 2_000 })
        .catch(() => undefined);
      return reply !== undefined && reply.json<{ error?: unknown }>().error === undefined;
    },
    { intervalMs: 100 },
  );
}

/** Takes in what the hub holds until `dispose`. */
export function runIngest(hub: Hub, store: Pick<FleetEventStore, 'insert'>, replicas = 1) {
  const end = new AbortController();
  const ingest = new Ingest({ hub, store, replicas, bufferMib: 256, log: HUB_LOG });
  const ended = ingest.run(end.signal);
  return {
    ingest,
    dispose: async (): Promise<void> => {
      end.abort();
      await ended;
    },
  };
}

/** Numbers (`n`) of all records of a sensor in the store, sorted; each as often as it is there. */
export async function storedNumbers(store: FleetEventStore, sensor: string): Promise<number[]> {
  const numbers: number[] = [];
  for (let cursor: string | undefined; ;) {
    const page = await store.search(
      { filter: { instruments: ['suricata'] }, sensors: [sensor] },
      { limit: 200, cursor },
    );
    numbers.push(...page.events.map(({ record }) => Number(record['n'])));
    if (page.cursor === undefined) return numbers.sort((a, b) => a - b);
    cursor = page.cursor;
  }
}

/** Waits until the store has everything that a sensor published. */
export async function waitForAll(
  store: FleetEventStore,
  sensor: { id: string; published: number },
  timeoutMs = 60_000,
): Promise<void> {
  await waitFor(
    `${String(sensor.published)} messages in the fleet`,
    timeoutMs,
    async () => {
      const { sensors } = await store.report();
      return sensors.some(
        (one) => one.sensor === sensor.id && one.records >= sensor.published && one.holes === 0,
      );
    },
    { intervalMs: 200 },
  );
}
