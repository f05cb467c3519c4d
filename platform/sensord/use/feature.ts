import type { HostStatus, UseStatus, VolumeStatus } from '../../contracts/index.ts';
import { describeError } from '../../kernel/index.ts';
import type { Feature, FeatureContext } from '../feature.ts';
import { readContainer, useOf, type Reading } from './container-use.ts';
import { lookAtMachine } from './machine.ts';

const LOOK_MS = 15_000;
const MIB = 1024 * 1024;

type Context = Pick<FeatureContext, 'site' | 'log' | 'sensor'> & {
  rooms: { storage: Pick<FeatureContext['rooms']['storage'], 'list'> };
};

/**
 * What the sensor takes of its machine and each instrument of its limits, for the status.
 *
 * INVARIANTS: one look at a time, four a minute; files of the kernel are read and no program is started; what could not be read
 * is absent, not zero.
 */
export function useFeature({ site, log, sensor, rooms }: Context): Feature {
  let host: HostStatus | undefined;
  let volumes: VolumeStatus[] | undefined;
  let use = new Map<string, UseStatus>();
  let readings = new Map<string, { pid: number; reading: Reading }>();
  let timer: NodeJS.Timeout | undefined;
  let looking = Promise.resolve();

  const lookAtInstruments = async (): Promise<void> => {
    const nextUse = new Map<string, UseStatus>();
    const nextReadings: typeof readings = new Map();
    for (const { name, pid, status } of sensor.containers) {
      const limits = sensor.desired.instruments.find((one) => one.name === name)?.limits;
      if (status !== 'running' || pid <= 0 || limits === undefined) continue;
      const reading = await readContainer(pid, performance.now());
      if (reading === undefined) continue;
      const before = readings.get(name);
      nextUse.set(name, useOf(reading, before?.pid === pid ? before.reading : undefined, limits));
      nextReadings.set(name, { pid, reading });
    }
    use = nextUse;
    readings = nextReadings;
  };
  const look = async (): Promise<void> => {
    try {
      host = await lookAtMachine({ 'state of the sensor': site.stateDir, cache: site.cacheDir });
      volumes = (await rooms.storage.list()).map(({ name, state, sizeMib, usedMib }) => ({
        name,
        state,
        sizeBytes: sizeMib * MIB,
        usedBytes: usedMib * MIB,
      }));
      await lookAtInstruments();
    } catch (error) {
      log.warn({ err: error }, `the machine could not be looked at: ${describeError(error)}`);
    }
  };
  return {
    name: 'use',
    start: async () => {
      looking = look();
      await looking;
      timer = setInterval(() => {
        looking = looking.then(look);
      }, LOOK_MS).unref();
    },
    stop: async () => {
      clearInterval(timer);
      await looking;
    },
    instrument: (name) => {
      const known = use.get(name);
      return known === undefined ? {} : { use: known };
    },
    machine: () => ({
      ...(host === undefined ? {} : { host }),
      ...(volumes === undefined ? {} : { volumes }),
    }),
  };
}
