import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describeError, type Logger } from '@bulkhead/platform/kernel';
import { openStore, type Store } from '../store/index.ts';
import { openWeb, type FleetFeature, type Web } from '../web/index.ts';
import type { FleetConfig } from './config.ts';
import { fleetMigrations, openFeatures, type OpenedFleet } from './features.ts';
import { fleetNames, type FleetNames } from './names.ts';
import { FLEETD_VERSION } from './version.ts';

const PROGRAM_DIR = dirname(fileURLToPath(import.meta.url));

/** A fleet whose rooms are opened and joined, and which does nothing yet. */
export interface OpenFleet {
  /** For tests (`inject`) and for who describes the API. */
  readonly web: Web;
  /** Starts features in order, then opens the listener, so that nobody is answered before everything is there. */
  start(): Promise<FleetService>;
  /** Ends what was started, in order. Safe to call twice. */
  stop(): Promise<void>;
}

/** A fleet that runs. */
export interface FleetService {
  /** Where people reach it: `https://fleet.example.org:8443/`. */
  readonly url: string;
  /** The port that was taken. */
  readonly port: number;
  /** The port for sensors. */
  readonly linkPort: number;
  /** While nobody has set the fleet up: what the first person types in. */
  setUpCode(): string | undefined;
  /** For the sensor on the same machine to join with; undefined when there is one of that name. */
  joinToken(name: string): string | undefined;
  readonly web: Web;
  stop(): Promise<void>;
}

/** Opens and starts a fleet; what was started is ended again when something after it fails. */
export async function startFleet(
  config: FleetConfig,
  log: Logger,
  programDir?: string,
): Promise<FleetService> {
  const fleet = await openFleet(config, log, programDir);
  try {
    return await fleet.start();
  } catch (error) {
    await fleet.stop();
    throw error;
  }
}

/**
 * Opens store, rooms and routes.
 * @param programDir where the event store's thread and native parts lie; default: beside this program
 */
export async function openFleet(
  config: FleetConfig,
  log: Logger,
  programDir = PROGRAM_DIR,
): Promise<OpenFleet> {
  const names = fleetNames(config);
  const store = openStore({ dir: config.stateDir, migrations: fleetMigrations(), log });
  const started: FleetFeature[] = [];
  let web: Web;
  let opened: OpenedFleet;
  let webPort = config.web.port;
  try {
    opened = await openFeatures({ ...{ config, names, store, log, programDir }, webPort: () => webPort });
    web = await openListener(config, names, opened, log);
  } catch (error) {
    store.close();
    throw error;
  }
  let stopped: Promise<void> | undefined;
  const end = () => (stopped ??= stop(web, started, store, log));
  return {
    web,
    stop: end,
    start: async () => {
      for (const feature of opened.features) {
        started.push(feature);
        await start(feature, log);
      }
      webPort = await web.listen(config.web.address, config.web.port);
      return {
        url: `${config.web.plainHttp ? 'http' : 'https'}://${urlHost(names.main)}:${webPort}/`,
        port: webPort,
        linkPort: opened.linkPort(),
        web,
        setUpCode: opened.setUpCode,
        joinToken: opened.joinToken,
        stop: end,
      };
    },
  };
}

function openListener(
  config: FleetConfig,
  names: FleetNames,
  opened: OpenedFleet,
  log: Logger,
): Promise<Web> {
  return openWeb({
    log,
    version: FLEETD_VERSION,
    tls: opened.tls,
    knowsHost: (host) => names.knows(host),
    instrumentHosts: `*.${names.baseDomain}:*`,
    features: opened.features,
    pagesDir: pagesDir(config),
    limits: { connectionsPerAddress: config.web.connectionsPerAddress },
  });
}

async function start(feature: FleetFeature, log: Logger): Promise<void> {
  try {
    await feature.start();
    log.debug({ feature: feature.name }, 'started');
  } catch (error) {
    if (feature.needed !== false) throw error;
    log.error({ err: error, feature: feature.name }, `does without ${feature.name}: ${describeError(error)}`);
  }
}

/** First the listener, so that nothing new begins; then features, the last started first; then the store under them. */
async function stop(web: Web, started: readonly FleetFeature[], store: Store, log: Logger): Promise<void> {
  const quietly = async (what: string, work: () => Promise<void>) => {
    try {
      await work();
    } catch (error) {
      log.error({ err: error }, `${what} did not end cleanly: ${describeError(error)}`);
    }
  };
  await quietly('the listener', () => web.close());
  for (const feature of [...started].reverse()) await quietly(feature.name, () => feature.stop());
  store.close();
}

/** The web app: as configured, beside the bundled program, or none. */
function pagesDir(config: FleetConfig): string | undefined {
  const dir = config.pagesDir ?? join(PROGRAM_DIR, 'fleet-web');
  return existsSync(join(dir, 'index.html')) ? dir : undefined;
}

function urlHost(name: string): string {
  return name.includes(':') ? `[${name}]` : name;
}
