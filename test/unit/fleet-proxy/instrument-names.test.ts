import { expect, test } from 'vitest';
import { openInstrumentApi } from '../../../fleet-ui/server/proxy/instrument-api.ts';

const LAB = 's_aaaaaaaaaaaaaaaa';
const PERSON = { id: 'p', name: 'ann', roles: [], may: () => true };

test('a name that no instrument can have never becomes a part of a path', async () => {
  const asked: string[] = [];
  const call = openInstrumentApi({
    sensors: {
      byLabel: () => undefined,
      byId: () => ({ id: LAB, name: 'lab' }),
      isOnline: () => true,
      pageState: () => 'served',
    },
    ways: {
      socketOf: (_sensor, instrument) => {
        asked.push(instrument);
        throw new Error('this far and no further');
      },
      openTunnel: () => Promise.reject(new Error('not here')),
    },
  });
  const ask = (instrument: string) =>
    call({ ...{ sensor: LAB, instrument, person: PERSON }, method: 'GET', path: '/api/status' });
  for (const name of ['../../run/other', '..', '.', '', 'a/b', 'A', 'ids--a', 'a\0', 'x'.repeat(33)]) {
    await expect(ask(name), name).rejects.toMatchObject({ code: 'FLEET_PROXY_SENSOR_UNKNOWN' });
  }
  expect(asked).toEqual([]);
  await expect(ask('rule-manager')).rejects.toThrow();
  expect(asked).toEqual(['rule-manager']);
});
