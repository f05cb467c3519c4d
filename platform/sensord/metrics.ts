import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describeError } from '../kernel/index.ts';
import {
  blindness,
  metricsText,
  openMetricsServer,
  readTokenFile,
  type MetricsAnswers,
} from '../health/index.ts';
import type { Feature, FeatureContext } from './feature.ts';

/** The configuration is compared this often with what listens. */
const REFRESH_MS = 2_000;

type Settings = FeatureContext['configuration']['desired']['metrics'];

/** Where the metrics' socket of a sensor lies: not in the folder of the API, which only root may enter. */
export function metricsSocket(runDir: string): string {
  return join(runDir, 'metrics', 'metrics.sock');
}

/**
 * Prometheus metrics, `/healthz` and `/readyz`, on a socket and, if configured, on an authenticated port.
 *
 * INVARIANTS: one refresh at a time; a place that cannot be opened is shown under attention and tried again when the
 * configuration changes; what listens is always as the configuration in force says, or does not listen.
 */
export function metricsFeature(context: FeatureContext): Feature {
  const { site, log, rooms, configuration } = context;
  const answers: MetricsAnswers = {
    metrics: async () => {
      const [status, streams, volumes, openFiles] = await Promise.all([
        context.status(),
        rooms.bus.streams().catch(() => []),
        rooms.storage.list(),
        readdir('/proc/self/fd'),
      ]);
      const { user, system } = process.cpuUsage();
      const cpuSeconds = (user + system) / 1e6;
      const residentBytes = process.memoryUsage.rss();
      return metricsText({
        status,
        streams,
        volumes,
        process: { residentBytes, cpuSeconds, openFiles: openFiles.length },
      });
    },
    blindness: async () => blindness(await context.status()),
  };
  let inForce: string | undefined;
  const servers: { close: () => Promise<void> }[] = [];
  let faults: string[] = [];
  let refreshing = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;

  const attempt = async (
    what: string,
    open: () => Promise<{ address: string; close: () => Promise<void> }>,
  ) => {
    try {
      const server = await open();
      servers.push(server);
      log.info({ address: server.address }, 'metrics can be read');
    } catch (error) {
      faults.push(`metrics on ${what} cannot be read: ${describeError(error)}`);
      log.error({ err: error }, `metrics on ${what} cannot be read: ${describeError(error)}`);
    }
  };
  const close = async () => {
    for (const server of servers.splice(0)) await server.close();
  };
  const apply = async (settings: Settings) => {
    await close();
    faults = [];
    const { socketGroup, listen, tokenFile } = settings;
    const path = metricsSocket(site.runDir);
    await attempt('the socket', () =>
      openMetricsServer({ path, ...(socketGroup === undefined ? {} : { group: socketGroup }) }, answers, log),
    );
    if (listen === undefined || tokenFile === undefined) return;
    await attempt(listen, async () => {
      const at = listen.lastIndexOf(':');
      const place = { host: listen.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(listen.slice(at + 1)) };
      return openMetricsServer({ ...place, token: await readTokenFile(tokenFile) }, answers, log);
    });
  };
  const refresh = () => {
    const digest = JSON.stringify(configuration.desired.metrics);
    if (digest === inForce) return;
    inForce = digest;
    refreshing = refreshing.then(() => apply(configuration.desired.metrics));
  };
  return {
    name: 'metrics',
    start: async () => {
      refresh();
      await refreshing;
      timer = setInterval(refresh, REFRESH_MS).unref();
    },
    stop: async () => {
      clearInterval(timer);
      await refreshing;
      await close();
    },
    attention: () => faults,
  };
}
