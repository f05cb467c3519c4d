import { expect, test } from 'vitest';
import type { Duplex } from 'node:stream';
import { openInstrumentApi } from '@bulkhead/fleet-server/proxy';
import { testSensorId } from '../../support/fleet/sensor-ids.ts';

test('questions to a sensor that does not answer leave room for those to others', async () => {
  const ids = [1, 2, 3, 4, 5].map(testSensorId);
  const waiting: ((error: Error) => void)[] = [];
  const call = openInstrumentApi({
    sensors: {
      byLabel: () => undefined,
      byId: (id) => ({ id, name: 'lab' }),
      isOnline: () => true,
      pageState: () => 'served',
    },
    ways: {
      socketOf: () => undefined,
      openTunnel: () => new Promise<Duplex>((_resolve, reject) => waiting.push(reject)),
    },
  });
  const person = { id: 'p_ann', name: 'ann', roles: [], may: () => true };
  const ask = (sensor: string) =>
    call({ sensor, instrument: 'rules', person, method: 'GET', path: '/api/rule.get' }).catch(
      (error: unknown) => (error as { code?: string }).code,
    );
  const busy = 'FLEET_PROXY_BUSY';
  const [first = '', last = ''] = [ids[0], ids.at(-1)];
  const asked = ids.slice(0, 4).flatMap((id) => [1, 2, 3, 4].map(() => ask(id)));
  await expect.poll(() => waiting.length).toBe(16);
  expect([await ask(first), await ask(last)]).toEqual([busy, busy]);
  const end = (count: number) => {
    for (const reject of waiting.splice(0, count)) reject(new Error('it is away'));
  };
  end(4);
  for (const one of await Promise.all(asked.slice(0, 4))) expect(one).not.toBe(busy);
  const again = [1, 2, 3, 4].map(() => ask(last));
  await expect.poll(() => waiting.length).toBe(16);
  expect(await ask(last)).toBe(busy);
  end(16);
  await Promise.all([...asked, ...again]);
});
