import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FILTER_TABLE } from './frames.ts';
import { Rig } from './fixture.ts';

let rig: Rig;
beforeAll(async () => {
  rig = await Rig.open('b73');
  await rig.openPath();
});
afterAll(async () => {
  await rig.close();
});

describe('a mirror port that wants DNS only', () => {
  test('ABUSE 118: tagged, fragmented, tunnelled and TCP DNS reaches it; what it does not want does not', async () => {
    const dns = await rig.addPort('dns', { ports: [53] });
    const web = await rig.addPort('web', { ports: [443, 80] });
    const everything = await rig.addPort('everything');
    await rig.network.setFanout('mon', [
      { hostEnd: dns, filter: { ports: [53] } },
      { hostEnd: web, filter: { ports: [443, 80] } },
      { hostEnd: everything, filter: 'all' },
    ]);
    const [toDns, toEverything] = [await rig.listen('dns', 'mon0'), await rig.listen('everything', 'mon0')];
    // One sender and one order, so frames of the same bytes cannot be mixed up: each gets its own source address byte.
    const frames = FILTER_TABLE.map(({ frame }, index) => stamp(frame, index));
    const { sent } = await rig.send('wire', rig.farEnd, frames);
    expect(sent).toBe(frames.length);
    expect(await toEverything.stop()).toBe(0);
    expect(await toDns.stop()).toBe(0);

    expect([...toEverything.frames].sort()).toEqual([...frames].sort());
    const got = new Set(toDns.frames);
    const outcome = FILTER_TABLE.map(
      ({ name }, index) => `${name}: ${got.has(frames[index] ?? '') ? 'pass' : 'drop'}`,
    );
    expect(outcome).toEqual(FILTER_TABLE.map(({ name, want }) => `${name}: ${want}`));

    const [ledger] = (await rig.network.ledger()).monitors;
    const reasons: Record<string, number> = {};
    for (const { reason } of FILTER_TABLE)
      if (reason !== undefined) reasons[reason] = (reasons[reason] ?? 0) + 1;
    expect(ledger?.fanout.undecided).toEqual(reasons);
    const undecided = Object.values(reasons).reduce((sum, count) => sum + count, 0);
    expect(ledger?.fanout.filters.find((one) => one.ports.includes(53))).toEqual({
      ports: [53],
      matched: FILTER_TABLE.filter((one) => one.want === 'pass').length - undecided,
      filtered: FILTER_TABLE.filter((one) => one.want === 'drop').length,
      undecided,
    });
    expect(ledger?.lost).toEqual([]);
  });
});

/** Marks a frame in its source address (not looked at by any filter), so that every frame is unique. */
function stamp(frame: string, index: number): string {
  return `${frame.slice(0, 20)}${index.toString(16).padStart(4, '0')}${frame.slice(24)}`;
}
