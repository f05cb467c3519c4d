import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { planFanout, receivers, type FanoutPort } from '../../../platform/network/fan-out-plan.ts';

const port = (hostEnd: string, filter: FanoutPort['filter']): FanoutPort => ({ hostEnd, filter });

/** What the packet program does with a TCP or UDP packet of these ports, given the tables of a plan. */
function walk(plan: ReturnType<typeof planFanout>, source: number, destination: number): string[] {
  const of = (one: number): number => plan.blocks.get(one >> 8)?.[one & 0xff] ?? 0;
  const set = of(source) | of(destination);
  const targets = plan.targets.get(set);
  if (targets === undefined) throw new Error(`the set ${String(set)} was not foreseen`);
  return targets;
}

describe('planFanout', () => {
  test('sends a packet to exactly the ports whose filter lists its source or destination port', () => {
    const portNumber = fc.integer({ min: 1, max: 65_535 });
    const lists = fc.array(fc.array(portNumber, { minLength: 1, maxLength: 16 }), { maxLength: 8 });
    fc.assert(
      fc.property(lists, fc.nat(3), portNumber, portNumber, (filters, everything, source, destination) => {
        const wanted = [
          ...filters.map((ports, n) => port(`f${String(n)}`, { ports })),
          ...Array.from({ length: everything }, (_, n) => port(`all${String(n)}`, 'all')),
        ];
        const plan = planFanout(wanted);
        const pairs: [number, number][] = [[source, destination]];
        for (const ports of filters) pairs.push([ports[0] ?? 1, destination], [source, ports.at(-1) ?? 1]);
        for (const [from, to] of pairs) {
          const expected = wanted
            .filter(
              ({ filter }) => filter === 'all' || filter.ports.includes(from) || filter.ports.includes(to),
            )
            .map(({ hostEnd }) => hostEnd);
          expect(walk(plan, from, to).slice().sort()).toEqual(expected.sort());
        }
      }),
    );
  });

  test('order and repeats of a list do not make another filter', () => {
    const plan = planFanout([port('a', { ports: [53, 853] }), port('b', { ports: [853, 53, 53] })]);
    expect(plan.filters).toEqual([[53, 853]]);
  });

  test('what nobody can decide goes to every port', () => {
    const plan = planFanout([port('a', { ports: [53] }), port('b', 'all'), port('c', { ports: [80] })]);
    expect(plan.targets.get(0xff)).toEqual(['a', 'b', 'c']);
    expect(receivers(plan.ports, 0)).toEqual(['b']);
  });

  test('more than it can serve is refused with a code', () => {
    const distinct = Array.from({ length: 9 }, (_, n) => port(`p${String(n)}`, { ports: [n + 1] }));
    expect(() => planFanout(distinct)).toThrow(expect.objectContaining({ code: 'NETWORK_FILTERS_TOO_MANY' }));
    const many = Array.from({ length: 65 }, (_, n) => port(`p${String(n)}`, 'all'));
    expect(() => planFanout(many)).toThrow(expect.objectContaining({ code: 'NETWORK_PORTS_TOO_MANY' }));
  });

  test('no ports at all: packets end here', () => {
    expect([...planFanout([]).targets.values()].flat()).toEqual([]);
  });
});
