import { Agent, request } from 'undici';
import { openLxd } from '@bulkhead/node-lxd';
import { openBus, type Bus } from '../bus/index.ts';
import { describeError, openLog, sitePaths, type Logger, type Site } from '../kernel/index.ts';
import { openNetwork, type Network } from '../network/index.ts';
import { checkImageArchive, loadPackage, placeApp } from '../packages/index.ts';
import { ensureLxdDaemon, openRuntime, type Runtime } from '../runtime/index.ts';
import { defaultKeyFile, KeyRing, openStorage, type Storage } from '../storage/index.ts';

/** Stopping instruments in order takes at most this long. */
const SHUTDOWN_MS = 90_000;

/** Every room, opened. */
export interface Rooms {
  lxdVersion: string;
  runtime: Runtime;
  storage: Storage;
  keys: KeyRing;
  bus: Bus;
  network: Network;
  packages: {
    loadPackage: typeof loadPackage;
    placeApp: typeof placeApp;
    checkImageArchive: typeof checkImageArchive;
  };
}

/** Opens the rooms; LXD is started when it does not run. Nothing of the sensor is changed yet. */
export async function openRooms(
  site: Site,
  options: { keys?: KeyRing; keyFile?: string | undefined; logLevel: string },
  log: Logger,
): Promise<Rooms> {
  const roomLog = (room: string) => openLog(room, options.logLevel);
  const daemon = await ensureLxdDaemon({ site, log: roomLog('runtime') });
  log.info({ socket: daemon.socket, version: daemon.version, started: daemon.started }, 'LXD answers');
  const keys = options.keys ?? (await openedKeys(site, options.keyFile, roomLog('storage')));
  const storage = await openStorage({ site, log: roomLog('storage'), keys });
  return {
    lxdVersion: daemon.version,
    runtime: openRuntime({ lxd: await openLxd({ socket: daemon.socket }), site, log: roomLog('runtime') }),
    storage,
    keys,
    bus: openBus({
      site,
      log: roomLog('bus'),
      secret: (purpose) => storage.deriveSecret(purpose),
      natsServer: sitePaths(site).natsServer,
    }),
    network: openNetwork({ site, log: roomLog('network') }),
    packages: { loadPackage, placeApp, checkImageArchive },
  };
}

async function openedKeys(site: Site, keyFile: string | undefined, log: Logger): Promise<KeyRing> {
  const keys = await KeyRing.open(sitePaths(site).keysDir, log);
  await keys.unlockWithFile(keyFile ?? defaultKeyFile(site));
  return keys;
}

/**
 * Removes what a sensor left that was killed: containers, links, rules, the bus's server, mounts. Each part is tried even
 * when another fails. Data and images stay.
 */
export async function takeDownRemains(
  site: Site,
  options: { logLevel: string; everything: boolean },
  log: Logger,
): Promise<void> {
  const { runtime, network, bus, storage } = await openRooms(
    site,
    // Locked: taking down needs no key, and must not wait for one.
    { ...options, keys: await KeyRing.open(sitePaths(site).keysDir, log) },
    log,
  );
  const attempt = async (what: string, work: () => Promise<unknown>) => {
    await work().catch((error: unknown) => {
      log.error({ err: error, what }, `could not take down ${what}: ${describeError(error)}`);
      process.exitCode = 1;
    });
  };
  await attempt('containers', async () => {
    if (options.everything) return runtime.removeAll();
    for (const { name } of await runtime.list()) await runtime.remove(name);
  });
  await attempt('links and rules', () => network.removeAll());
  await attempt('nats-server', () => bus.stop());
  await attempt('volumes', async () => {
    for (const { name, state } of await storage.list()) if (state === 'unlocked') await storage.lock(name);
    await storage.platform.lock('events');
  });
  await storage.close();
}

/** A sensord that still runs would put back what is taken away here: it does it itself. Quiet when there is none. */
export async function askToShutDown(socketPath: string, log: Logger): Promise<void> {
  const agent = new Agent({ connect: { socketPath }, headersTimeout: SHUTDOWN_MS });
  try {
    await request('http://sensord/v1/shutdown', { method: 'POST', dispatcher: agent });
    log.info('the running sensord took everything down');
  } catch (error) {
    log.debug({ err: error }, 'no sensord answers');
  } finally {
    await agent.destroy();
  }
}
