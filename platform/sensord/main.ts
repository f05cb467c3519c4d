import { join } from 'node:path';
import { describeError, BulkheadError, openLog, sitePaths, type Logger, type Site } from '../kernel/index.ts';
import { openApi, refuseSecond } from './api.ts';
import { parseArguments, type SensordArguments } from './arguments.ts';
import { Configuration } from './configuration.ts';
import { HangUps } from './hang-ups.ts';
import { tryUnlock, waitForKey } from './key-unlock.ts';
import { KeyRing } from '../storage/index.ts';
import { loadLibrary } from './library.ts';
import { RevisionStore } from './revisions.ts';
import { ensureLxdDaemon } from '../runtime/index.ts';
import { dropRunDir, ensureRunDir } from './run-dir.ts';
import { askToShutDown, openRooms, takeDownRemains, type Rooms } from './open-rooms.ts';
import { SensorService } from './service.ts';
import { Sensor } from './sensor.ts';

/** Runs sensord until it is told to end. @returns the exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  let log: Logger | undefined;
  try {
    const parsed = parseArguments(argv);
    if (typeof parsed === 'string') {
      process.stdout.write(parsed);
      return 0;
    }
    log = openLog('sensord', parsed.logLevel);
    const code = await run(parsed, log);
    endSoon(code);
    return code;
  } catch (error) {
    if (log === undefined) process.stderr.write(`sensord: ${describeError(error)}\n`);
    else
      log.fatal(
        { err: error, ...(error instanceof BulkheadError ? error.toJSON() : {}) },
        describeError(error),
      );
    endSoon(1);
    return error instanceof BulkheadError && error.code === 'SENSORD_USAGE' ? 2 : 1;
  }
}

/** Everything is closed; should a connection of a library linger, it must not keep a finished sensord alive. */
function endSoon(code: number): void {
  setTimeout(() => process.exit(code), 2_000).unref();
}

async function run(options: SensordArguments, log: Logger): Promise<number> {
  const { site } = options;
  const hangUps = new HangUps();
  if (options.takeDown) await askToShutDown(sitePaths(site).sensordSocket, log);
  // Before anything is opened: what another sensord is at work on looks as if a killed one had left it.
  else await refuseSecond(sitePaths(site).sensordSocket);
  await ensureRunDir(site.runDir);
  if (options.takeDown) {
    await takeDownRemains(site, options, log);
    await dropRunDir(site.runDir);
    return 0;
  }
  const keys = await KeyRing.open(sitePaths(site).keysDir, log);
  const locked = await tryUnlock(keys, site, options);
  if (locked !== undefined) {
    const how = await waitForKey(keys, { site, sources: options, log, reason: locked });
    if (how === 'take-down') {
      await takeDownRemains(site, options, log);
      await dropRunDir(site.runDir);
    }
    if (how !== 'unlocked') return 0;
  }
  const rooms = await openRooms(site, { ...options, keys }, log);
  const configuration = new Configuration(
    options.configFile,
    (names) => loadLibrary({ site, appsDir: options.appsDir, ...rooms.packages }, names),
    await RevisionStore.open(join(site.stateDir, 'config'), log),
  );
  await configuration.load();
  const sensor = new Sensor({
    site,
    log,
    configuration,
    ...rooms,
    checkImage: rooms.packages.checkImageArchive,
    ensureDaemon: () => ensureLxdDaemon({ site, log }),
  });
  return serve({ site, rooms, configuration, sensor, log, hangUps });
}

/** How sensord ends: leaving everything running, or with everything taken down. */
type Ending = 'leave' | 'take-down';

async function serve({
  hangUps,
  ...parts
}: {
  site: Site;
  rooms: Rooms;
  configuration: Configuration;
  sensor: Sensor;
  log: Logger;
  hangUps: HangUps;
}): Promise<number> {
  const { site, configuration, log } = parts;
  const service = new SensorService(parts);
  let end: (how: Ending) => void = () => undefined;
  const ending = new Promise<Ending>((resolve) => (end = resolve));
  let taken: () => void = () => undefined;
  const down = new Promise<void>((resolve) => (taken = resolve));
  // Before anything is started: two sensords would fight over the same containers.
  const api = await openApi(sitePaths(site).sensordSocket, {
    log,
    ...service.api(),
    shutdown: async () => {
      end('take-down');
      await down;
    },
  });
  const leave = () => {
    end('leave');
  };
  process.on('SIGTERM', leave);
  process.on('SIGINT', leave);
  const started = service.start().then(() => {
    log.info({ sensor: configuration.desired.sensor }, 'the sensor is up');
  });
  hangUps.answer(() => {
    service.reload().catch((error: unknown) => {
      log.error({ err: error }, `the configuration stays as it is: ${describeError(error)}`);
    });
  });
  const how = await Promise.race([ending, started.then(() => ending)]);
  await started.catch(() => undefined);
  log.info({ how }, 'ending');
  if (how === 'leave') {
    await api.close();
    await service.leave();
    return 0;
  }
  await service.takeDown();
  taken();
  await api.close();
  await dropRunDir(site.runDir);
  log.info('everything was taken down');
  return 0;
}
