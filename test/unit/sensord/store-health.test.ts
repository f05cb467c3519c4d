import { expect, test } from 'vitest';
import type { StoreFault, StoreIncident } from '@bulkhead/platform/bus';
import { openLog, waitFor } from '@bulkhead/platform/kernel';
import { storeHealthFeature } from '../../../platform/sensord/store-health.ts';

test('incidents become events, quarantine and faults need attention until they are gone', async () => {
  const published: unknown[] = [];
  let folders: string[] = [];
  const now: { fault?: StoreFault } = {};
  let tell: (incident: StoreIncident) => void = () => undefined;
  const store = {
    onIncident: (listener: (incident: StoreIncident) => void) => {
      tell = listener;
      return () => {
        tell = () => undefined;
      };
    },
    get fault() {
      return now.fault;
    },
    quarantined: () => Promise.resolve(folders),
    scrub: () => Promise.resolve({}),
  };
  const feature = storeHealthFeature({
    log: openLog('sensord', 'silent'),
    publish: (type, record) => void published.push({ type, ...record }),
    rooms: { bus: { store } },
  });
  await feature.start();
  expect(feature.attention?.()).toEqual([]);
  folders = ['S_suricata-20261121T031500Z'];
  tell({
    type: 'bus.streamQuarantined',
    time: '2026-11-21T03:15:00Z',
    text: 'set aside',
    fields: { stream: 'S_suricata' },
  });
  expect(published).toEqual([
    { type: 'bus.streamQuarantined', time: '2026-11-21T03:15:00Z', text: 'set aside', stream: 'S_suricata' },
  ]);
  await waitFor('the quarantine', 5_000, () => feature.attention?.().length === 1);
  expect(feature.attention?.()[0]).toContain('S_suricata-20261121T031500Z');
  now.fault = { code: 'BUS_STORE_FULL', text: 'only 3 KiB are free', since: '2026-11-21T03:16:00Z' };
  expect(feature.attention?.()[0]).toBe('nothing is stored (BUS_STORE_FULL): only 3 KiB are free');
  await feature.stop();
  tell({ type: 'bus.storeFailed', time: '', text: '', fields: {} });
  expect(published).toHaveLength(1);
});
