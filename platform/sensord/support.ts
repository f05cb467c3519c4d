import type { FastifyInstance } from 'fastify';
import type { Feature, FeatureContext } from './feature.ts';

/** What `GET /v1/support` answers: facts that only the running sensor has. No event, no key, no environment. */
export interface SupportFacts {
  places: { stateDir: string; runDir: string; cacheDir: string; prefix: string };
  configuration: unknown;
  revisions: unknown;
  streams: unknown;
  volumes: unknown;
  ledger: unknown;
  network: unknown;
  containers: unknown;
}

/** Older revisions are in the sensor's history. */
const REVISIONS = 50;

/** Gives a support bundle what it cannot find on the machine. The bundle itself is made, and cleaned, by who asks. */
export function supportFeature({ site, rooms, configuration, sensor }: FeatureContext): Feature {
  const orWhy = async (read: () => unknown) => {
    try {
      return await read();
    } catch (error) {
      return { fault: error instanceof Error ? error.message : 'unknown' };
    }
  };
  return {
    name: 'support',
    routes: (app: FastifyInstance) => {
      app.get('/v1/support', async (): Promise<SupportFacts> => {
        const { stateDir, runDir, cacheDir, prefix } = site;
        return {
          places: { stateDir, runDir, cacheDir, prefix },
          configuration: configuration.inUse.config,
          revisions: await orWhy(() =>
            configuration.revisions
              .list()
              .slice(-REVISIONS)
              .map(({ revision, result }) => {
                const { number, author, reason, time, origin } = revision;
                return { number, author, reason, time, origin, result };
              }),
          ),
          streams: await orWhy(() => rooms.bus.streams()),
          volumes: await orWhy(() => rooms.storage.list()),
          ledger: await orWhy(() => rooms.network.ledger()),
          network: await orWhy(() => rooms.network.inspect()),
          containers: sensor.containers.map(({ name, status, idmapBase, drift, busProxy }) => ({
            name,
            status,
            idmapBase,
            drift,
            busProxy,
          })),
        };
      });
    },
    start: () => Promise.resolve(),
    stop: () => Promise.resolve(),
  };
}
