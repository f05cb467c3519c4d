import { afterEach, expect, test, vi } from 'vitest';
import { LiveHub } from '../../../fleet-ui/server/link/live.ts';

const A = 's_aaaaaaaaaaaaaaab';
const B = 's_aaaaaaaaaaaaaaac';
const AT = '2026-11-21T10:00:00.000Z';

const person = (id: string, sensors: string[]) => ({
  ...{ id, name: id, roles: [] },
  may: (_right: string, sensor?: string) => sensor === undefined || sensors.includes(sensor),
});
const attached = (sensor: string) => ({
  right: 'sensors.read' as const,
  event: { kind: 'sensor.attached' as const, at: AT, sensor },
});

afterEach(() => {
  vi.useRealTimers();
});

test('everybody is told what they may see, and nothing else', async () => {
  const hub = new LiveHub();
  const [ann, bob] = [hub.open(person('ann', [A, B])), hub.open(person('bob', [B]))];
  hub.publish(attached(A));
  hub.publish(attached(B));
  hub.publish({ right: 'signed-in', event: { kind: 'changed', at: AT, topic: 'news' } });
  hub.endAll();
  const texts = await Promise.all(
    [ann, bob].map(async (stream) => (await stream.setEncoding('utf8').toArray()).join('')),
  );
  const sensors = texts.map((text) => [...text.matchAll(/"sensor":"(\w+)"/g)].map((match) => match[1]));
  expect(sensors).toEqual([[A, B], [B]]);
  for (const text of texts) {
    expect(text).toMatch(/^retry: 2000\n\nevent: hello\ndata: \{"kind":"hello",[^\n]*\}\n\n/);
    expect(text).toContain('event: changed\n');
  }
  expect(hub.count).toBe(0);
});

test('a page that does not read loses its stream; one person has at most sixteen', async () => {
  const hub = new LiveHub();
  const stream = hub.open(person('ann', [A]));
  for (let n = 0; n < 5_000; n += 1) hub.publish(attached(A));
  expect(stream.destroyed).toBe(true);
  await new Promise((resolve) => stream.once('close', resolve));
  for (let n = 0; n < 16; n += 1) hub.open(person('ann', []));
  expect(() => hub.open(person('ann', []))).toThrow(
    expect.objectContaining({ code: 'FLEET_LINKS_LIVE_BUSY' }),
  );
  hub.open(person('bob', []));
  hub.endAll();
});

test('a page whose session time has ended is told nothing more', () => {
  vi.useFakeTimers();
  const hub = new LiveHub();
  hub.start();
  let isAlive = true;
  const [ann, bob] = [
    hub.open({ ...person('ann', [A]), isAlive: () => isAlive }),
    hub.open({ ...person('bob', [A]), isAlive: () => true }),
  ];
  vi.advanceTimersByTime(60_000);
  expect(hub.count).toBe(2);
  isAlive = false;
  vi.advanceTimersByTime(15_000);
  hub.publish(attached(A));
  const text = (stream: typeof ann) => String(stream.setEncoding('utf8').read());
  expect([text(ann).includes('sensor.attached'), text(bob).includes('sensor.attached')]).toEqual([
    false,
    true,
  ]);
  expect(hub.count).toBe(1);
  hub.stop();
});
