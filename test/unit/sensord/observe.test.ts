import { expect, test } from 'vitest';
import { SensorConfigSchema } from '@bulkhead/platform/contracts';
import { site } from '@bulkhead/platform/kernel';
import { desiredState } from '@bulkhead/platform/sensord';
import { observed } from '../../../platform/sensord/observe.ts';

/** What is observed of a fan-out that was to serve `asked` when the attached one is recorded to serve `served`. */
function fanoutsSeen(asked: string[], served: string[] | undefined): string[] {
  const config = SensorConfigSchema.parse({ version: 1, sensor: { name: 'lab' } });
  const state = observed({
    site: site({ prefix: 'b0', stateDir: '/nowhere', runDir: '/nowhere', natsPort: 1 }),
    desired: desiredState(config, () => {
      throw new Error('no such package');
    }),
    containers: [],
    network: {
      monitors: [
        {
          kind: 'guard',
          monitor: 'mon',
          device: 'eth1',
          up: true,
          faults: [],
          captureLinked: true,
          fanout: served && { generation: 1, hostEnds: served },
        },
      ],
      hostEnds: [],
    },
    busUp: true,
    applied: {
      busDigest: undefined,
      fanouts: new Map([['mon', { digest: 'asked', hostEnds: asked }]]),
      rights: new Map(),
      openingPages: new Map(),
    },
  });
  return [...state.fanouts.values()];
}

test('a fan-out is in force when the attached one was made for all that was asked for, in any order', () => {
  expect(fanoutsSeen(['b', 'a'], ['a', 'b'])).toEqual(['asked']);
  expect(fanoutsSeen([], [])).toEqual(['asked']);
});

test('one that lost a port, or all, or has one too many, is not: it is put in force again', () => {
  expect(fanoutsSeen(['a', 'b'], ['a'])).toEqual([]);
  expect(fanoutsSeen(['a'], undefined)).toEqual([]);
  expect(fanoutsSeen(['a'], ['a', 'b'])).toEqual([]);
});
