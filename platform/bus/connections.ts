import { jetstream, jetstreamManager, type JetStreamClient, type JetStreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { describeError, type Logger } from '../kernel/index.ts';
import { connectAs, runningDigest } from './admin.ts';
import type { Identities } from './identities.ts';

/** The platform's two users, connected or reconnecting. */
export interface Connected {
  system: NatsConnection;
  platform: NatsConnection;
  client: JetStreamClient;
  manager: JetStreamManager;
}

/** Connects the platform's two users; undefined when nobody answers yet. */
export async function connectPlatform(
  identities: Identities,
  port: number,
  log: Logger,
): Promise<Connected | undefined> {
  let system: NatsConnection | undefined;
  try {
    system = await connectAs(identities.internal('system'), 'platform-system', port, 2_000);
    await runningDigest(system);
    const platform = await connectAs(identities.internal('platform'), 'platform', port, 2_000);
    // A restart can take as long as reading the store takes; requests of the moment fail and are tried again.
    const manager = await jetstreamManager(platform, { timeout: 10_000, checkAPI: false });
    return { system, platform, client: jetstream(platform, { timeout: 10_000 }), manager };
  } catch (error) {
    await system?.close();
    log.debug({ reason: describeError(error) }, 'nats-server does not answer yet');
    return undefined;
  }
}
