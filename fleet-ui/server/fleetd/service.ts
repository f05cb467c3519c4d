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

/** A fleet that runs. */
export interface FleetService {
  /** Where people reach it: `https://fleet.example.org:8443/`. */
  readonly url: string;
  /** The port that was taken. */
  readonly port: number;
  /** While nobody has set the fleet up: what the first person types in. */
  setUpCode(): string | undefined;
  /** For tests (`inject`) and for who describes the API. */
  readonly web: Web;
  /** Ends everything in order. Safe to call twice. */
  stop(): Promise<void>;
}

/**
 * Starts a fleet: store, rooms, features in order, then the listener, so that nobody is answered before everything is there.
 * What was started is ended again when something after it fails.
 */
export async function startFleet(config: FleetConfig, log: Logger): Promise<FleetService> {
  const names = fleetNames(config);
  const store = openStore({ dir: config.stateDir, migrations: fleetMigrations(), log });
  const started: FleetFeature[] = [];
  let web: Web | undefined;
  try {
    const opened = await openFeatures({ config, names, store, log });
    web = await openListener(config, names, opened, log);
    for (const feature of opened.features) {
      started.push(feature);
      await start(feature, log);
    }
    const port = await web.listen(config.web.address, config.web.port);
    const open = web;
    let stopped: Promise<void> | undefined;
    return {
      url: `${config.web.plainHttp ? 'http' : 'https'}://${urlHost(names.main)}:${port}/`,
      port,
      web: open,
      setUpCode: opened.setUpCode,
      stop: () => (stopped ??= stop(open, started, store, log)),
    };
  } catch (error) {
    await stop(web, started, store, log);
    throw error;
  }
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
async function stop(
  web: Web | undefined,
  started: readonly FleetFeature[],
  store: Store,
  log: Logger,
): Promise<void> {
  const quietly = async (what: string, work: () => Promise<void>) => {
    try {
      await work();
    } catch (error) {
      log.error({ err: error }, `${what} did not end cleanly: ${describeError(error)}`);
    }
  };
  if (web !== undefined) await quietly('the listener', () => web.close());
  for (const feature of [...started].reverse()) await quietly(feature.name, () => feature.stop());
  store.close();
}

/** The web app: as configured, beside the bundled program, or none. */
function pagesDir(config: FleetConfig): string | undefined {
  const beside = join(dirname(fileURLToPath(import.meta.url)), 'fleet-web');
  const dir = config.pagesDir ?? beside;
  return existsSync(join(dir, 'index.html')) ? dir : undefined;
}

function urlHost(name: string): string {
  return name.includes(':') ? `[${name}]` : name;
}
