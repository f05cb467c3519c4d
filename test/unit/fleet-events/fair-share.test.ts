import { expect, test } from 'vitest';
import { FairShare } from '../../../fleet-ui/server/events/hub/fair-share.ts';

const [FLOOD, OTHER, THIRD] = ['s_aaaaaaaaaaaaaaaa', 's_bbbbbbbbbbbbbbbb', 's_cccccccccccccccc'];
const BUFFER = 1_024;

/** Sends parts one by one, as a stream does, until one waits. @returns bytes that passed, and how to see whether it still waits */
function send(shares: FairShare, sensor: string, part: number, most: number) {
  const sent = { bytes: 0, waits: false, leave: () => undefined as unknown };
  while (sent.bytes < most && !sent.waits) {
    sent.waits = true;
    const leave = shares.enter(sensor, part, () => {
      sent.bytes += part;
      sent.waits = false;
    });
    sent.leave = leave;
  }
  return sent;
}

test('who is alone fills half of the buffer, and then waits until something was taken in', () => {
  const shares = new FairShare(BUFFER);
  const flood = send(shares, FLOOD, 64, 10 * BUFFER);
  expect(flood).toMatchObject({ bytes: BUFFER / 2, waits: true });
  expect(shares.held).toEqual([FLOOD]);
  shares.taken(FLOOD, 64);
  expect(flood).toMatchObject({ bytes: BUFFER / 2 + 64, waits: false });
  expect(shares.held).toEqual([]);
});

test('others find room while one floods, and each gets the same share when all flood', () => {
  const shares = new FairShare(BUFFER);
  expect(send(shares, FLOOD, 64, 10 * BUFFER).waits).toBe(true);
  expect(send(shares, OTHER, 8, 128)).toMatchObject({ bytes: 128, waits: false });
  const all = new FairShare(BUFFER);
  // One after the other in small steps, as uplinks that are read at the same time.
  const bytes = new Map<string, number>();
  for (let round = 0; round < 100; round += 1) {
    for (const sensor of [FLOOD, OTHER, THIRD]) {
      if (all.held.includes(sensor)) continue;
      all.enter(sensor, 8, () => bytes.set(sensor, (bytes.get(sensor) ?? 0) + 8));
    }
  }
  expect(bytes.size).toBe(3);
  const shared = BUFFER / 2 / 3;
  for (const passed of bytes.values()) {
    expect(passed).toBeGreaterThanOrEqual(shared - 8);
    expect(passed).toBeLessThanOrEqual(shared + 8);
  }
});

test('what the hub says counts: nobody waits while it has room, and estimates begin anew when it is empty', () => {
  const shares = new FairShare(BUFFER);
  const flood = send(shares, FLOOD, 64, 10 * BUFFER);
  expect(flood.waits).toBe(true);
  // Another fleetd took the messages in.
  shares.measured(BUFFER / 5);
  expect(flood).toMatchObject({ waits: false });
  shares.measured(0);
  expect(send(shares, FLOOD, 64, 10 * BUFFER).bytes).toBe(BUFFER / 2);
});

test('what left while it waited is not let in later', () => {
  const shares = new FairShare(BUFFER);
  const flood = send(shares, FLOOD, 64, 10 * BUFFER);
  flood.leave();
  expect(shares.held).toEqual([]);
  shares.measured(0);
  expect(flood.bytes).toBe(BUFFER / 2);
});
