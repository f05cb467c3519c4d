import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { StoredEvent } from '@bulkhead/platform/contracts';
import { openLog, run, waitFor } from '@bulkhead/platform/kernel';
import { loadPackage } from '@bulkhead/platform/packages';
import { openReplay, removeReplay, type Replay } from '@bulkhead/scripts/replay';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { labConfig } from '../../scripts/src/start/lab-config.ts';
import {
  addressPairs,
  capturePath,
  compareEvents,
  countTypes,
  pairOfRecord,
  presentCaptures,
  REFUSED_CAPTURE,
  type KnownCapture,
} from '../support/captures.ts';
import { dnsConversation, makePcap, tcpFrame, writeCapture } from '../support/lab-frames.ts';
import { startTestSensor, testSite, type TestSensor } from '../support/sensor.ts';

const PREFIX = 'b74';
const APPS = fileURLToPath(new URL('../../build/apps', import.meta.url));
/** Not of the captures: what rules say, Suricata's own counters, and the sensor's checks. */
const NOT_COMPARED = new Set(['alert', 'stats', 'check']);
/** Longer than any capture here lasts at its own pace. */
const REPLAY_MS = 480_000;

let started: TestSensor | undefined;
let sensor: TestSensor;
let replay: Replay;
/** The known ones that are here, and always one of our own. */
const OWN = `/run/${PREFIX}-own.pcap`;
const captures: (KnownCapture & { path: string })[] = [
  { name: 'made here', events: { dns: 2, flow: 1 }, maxGapMs: 100, path: OWN },
  ...presentCaptures(),
];

beforeAll(async () => {
  const at = testSite(PREFIX);
  // The sensor watches one interface; a capture of our own opens it, the known ones are loaded in its place.
  await run('mkdir', ['-p', at.stateDir]);
  await writeCapture(OWN, makePcap(dnsConversation()));
  replay = await openReplay({ site: at, log: openLog('test', 'error'), file: OWN });
  const packages = await Promise.all(
    (await readdir(APPS)).sort().map((name) => loadPackage(join(APPS, name))),
  );
  const manifests = packages.map(({ manifest }) => manifest);
  started = await startTestSensor(PREFIX, labConfig('captures', replay.monitorDevice, manifests));
  sensor = started;
  await sensor.healthy();
});

afterAll(async () => {
  await started?.remove();
  await removeReplay(testSite(PREFIX));
  await run('rm', ['-f', OWN]);
});

describe('captures replayed through the whole sensor', () => {
  test(
    'every capture gives the protocol events that Suricata gives of it offline',
    async () => {
      for (const capture of captures) {
        await replay.load(capture.path, { maxGapMs: capture.maxGapMs });
        const { failed } = await replay.play();
        expect(failed, `${capture.name}: frames that could not be sent`).toBe(0);
      }
      // Flows are logged when they end: a restarted Suricata ends them all, in order, and loses none.
      await sensor.client.restart('suricata');
      await sensor.healthy();
      const events = await settledEvents();
      const differences: string[] = [];
      for (const capture of captures) {
        const pairs = await addressPairs(capture.path);
        const own = events.filter(({ record }) => pairs.has(pairOfRecord(record) ?? ''));
        const faults = compareEvents(
          capture.events,
          countTypes(own.map((event) => event.type)),
          capture.maybe,
        );
        differences.push(...faults.map((fault) => `${capture.name}: ${fault}`));
      }
      expect(differences).toEqual([]);
    },
    REPLAY_MS,
  );

  test('a packet of our own capture is accounted for', async () => {
    const file = await writeCapture(
      OWN,
      makePcap(
        Array.from({ length: 500 }, (_, index) => ({
          data: tcpFrame(Buffer.from(String(index))),
          time: index / 1000,
        })),
      ),
    );
    const before = (await sensor.status()).monitors[0]?.packets;
    await replay.load(file);
    expect(await replay.play()).toMatchObject({ sent: 500, failed: 0 });
    const after = await waitFor('the ledger to count them', 15_000, async () => {
      const packets = (await sensor.status()).monitors[0]?.packets;
      return (packets?.received ?? 0) - (before?.received ?? 0) >= 500 ? packets : undefined;
    });
    expect(after.lost - (before?.lost ?? 0)).toBe(0);
    expect(after.framesSent).toBe(0);
  });

  test('a capture of another link type is refused and the loaded one stays', async () => {
    const file =
      capturePath(REFUSED_CAPTURE) ??
      (await writeCapture(OWN, makePcap([{ data: tcpFrame(Buffer.from('x')) }], { linkType: 104 })));
    const { path } = replay.facts;
    await expect(replay.load(file)).rejects.toMatchObject({
      code: 'START_CAPTURE_LINK_TYPE',
      message: expect.stringContaining('C-HDLC') as string,
    });
    expect(replay.facts.path).toBe(path);
  });
});

/** All events of the protocols, once no more arrive. */
async function settledEvents(): Promise<StoredEvent[]> {
  let count = -1;
  return waitFor(
    'the events to be stored',
    60_000,
    async () => {
      const events = (await sensor.stored({ instrument: 'suricata' })).filter(
        ({ type }) => !NOT_COMPARED.has(type),
      );
      const settled = events.length === count && count > 0;
      count = events.length;
      return settled ? events : undefined;
    },
    { intervalMs: 2_000 },
  );
}
