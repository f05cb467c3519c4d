import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AttentionItem, ChannelView, FleetEvent } from '@bulkhead/fleet-api';
import { NOTIFY_FOLDER, NOTIFY_MIGRATIONS, notifyFeature, sealKey } from '@bulkhead/fleet-server/notify';
import { openSeal } from '@bulkhead/fleet-server/people';
import { openStore, STORE_FILE, type Store } from '@bulkhead/fleet-server/store';
import { openWeb, type FleetFeature, type Web } from '@bulkhead/fleet-server/web';
import { openLog } from '@bulkhead/platform/kernel';

/** What ingestion hands over, as far as notifications look at it. */
interface Message {
  sensor: string;
  type: string;
  body: Uint8Array;
}

export interface NotifyBench {
  /** What needs attention now; a test changes it. */
  attention: AttentionItem[];
  /** How often the room looked at what needs attention. */
  looks: number;
  /** Set forward to let time pass at once; ms. */
  shiftMs: number;
  feature: FleetFeature;
  dir: string;
  /** An event that comes in, in a message of its own. @returns whether the message was read */
  arrives(event: Partial<FleetEvent>, bytes?: number): boolean;
  ask(
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
    path: string,
    body?: object,
  ): Promise<{ status: number; body: any }>; // eslint-disable-line @typescript-eslint/no-explicit-any -- a test looks into it as it likes
  channels(): Promise<ChannelView[]>;
  /**
   * As if fleetd was killed, or ended cleanly, and started again.
   * @param meanwhile what others do after the room has ended, and before it is started again
   */
  restart(
    how: 'killed' | 'ended',
    meanwhile?: { ending?: () => Promise<void>; starting?: () => Promise<void> },
  ): Promise<void>;
  dispose(): Promise<void>;
}

export const BENCH_SENSOR = 's_aaaaaaaaaaaaaaaa';
const ADMIN: NonNullable<FleetFeature['guard']> = {
  onRequest: async (request) => {
    request.person = { id: 'p_x', name: 'anna', roles: ['admin'], may: () => true };
  },
};

/** The room of notifications with a real store, behind the real frame of routes; whoever asks is its administrator. */
export async function openNotifyBench(): Promise<NotifyBench> {
  const dir = await mkdtemp(join(tmpdir(), 'fleet-notify-'));
  const log = openLog('test', 'silent');
  let store: Store;
  let web: Web;
  let listener: ((event: FleetEvent) => void) | undefined;
  let wants: ((message: Message) => boolean) | undefined;
  const open = async (starting?: () => Promise<void>) => {
    store = openStore({ dir: bench.dir, migrations: NOTIFY_MIGRATIONS, log });
    bench.feature = notifyFeature(
      {
        ...{ db: store.db, log, seal: openSeal(await sealKey(bench.dir)) },
        attention: () => {
          bench.looks += 1;
          return bench.attention;
        },
        from: () => ({ fleet: 'fleet.test', url: 'https://fleet.test:8443', nameOf: () => 'ward-3' }),
        clock: () => Date.now() + bench.shiftMs,
      },
      {
        onEvent: (tell, asked) => {
          listener = tell;
          wants = asked;
          return () => {
            listener = wants = undefined;
          };
        },
      },
    );
    web = await openWeb({
      ...{ log, version: '0.0.0', tls: undefined, pagesDir: undefined },
      knowsHost: () => true,
      instrumentHosts: '*.fleet.test:*',
      features: [{ ...bench.feature, guard: ADMIN }],
    });
    await starting?.();
    await bench.feature.start();
  };
  const close = async (ending?: () => Promise<void>) => {
    await web.close();
    await bench.feature.stop();
    await ending?.();
    store.close();
  };
  const bench: NotifyBench = {
    ...{ attention: [], looks: 0, shiftMs: 0, dir, feature: undefined as unknown as FleetFeature },
    arrives: (event, bytes = 200) => {
      const whole: FleetEvent = {
        ...{ id: 'e1', sensor: BENCH_SENSOR, instrument: 'suricata', type: 'alert', severity: 'high' },
        ...{ time: new Date().toISOString(), sensorEventId: 'x/0', record: {}, ...event },
      };
      const isRead =
        wants?.({ sensor: whole.sensor, type: whole.type, body: Buffer.alloc(bytes, '{}\n') }) === true;
      if (isRead) listener?.(whole);
      return isRead;
    },
    ask: async (method, path, body) => {
      const reply = await web.app.inject({
        ...{ method, url: path, headers: { host: 'fleet.test' } },
        ...(body === undefined ? {} : { payload: body }),
      });
      return { status: reply.statusCode, body: reply.json<unknown>() };
    },
    channels: async () => (await bench.ask('GET', '/api/v1/notifications/channels')).body.channels,
    restart: async (how, meanwhile) => {
      // What a fleetd that is killed leaves behind is what is on the disk now; what it does afterwards is for nobody.
      const left = how === 'killed' ? await mkdtemp(join(tmpdir(), 'fleet-notify-')) : bench.dir;
      if (how === 'killed') {
        await store.copyTo(join(left, STORE_FILE));
        await cp(join(bench.dir, NOTIFY_FOLDER), join(left, NOTIFY_FOLDER), { recursive: true });
      }
      await close(meanwhile?.ending);
      if (how === 'killed') {
        await rm(bench.dir, { recursive: true });
        bench.dir = left;
      }
      await open(meanwhile?.starting);
    },
    dispose: async () => {
      await close();
      await rm(bench.dir, { recursive: true, force: true });
    },
  };
  await open();
  return bench;
}
