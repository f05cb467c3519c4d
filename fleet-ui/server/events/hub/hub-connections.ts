import { createServer } from 'node:net';
import { jetstream, jetstreamManager, type JetStreamClient, type JetStreamManager } from '@nats-io/jetstream';
import { createUser } from '@nats-io/nkeys';
import { connect, nkeyAuthenticator, type NatsConnection } from '@nats-io/transport-node';
import { waitFor } from '@bulkhead/platform/kernel';

/** The fleet's own side of the hub. */
export interface HubClients {
  client: JetStreamClient;
  manager: JetStreamManager;
}

/** The fleet's two users, connected or reconnecting. */
export interface HubConnections extends HubClients {
  system: NatsConnection;
  fleet: NatsConnection;
}

type User = ReturnType<typeof createUser>;

/** Keys of the fleet's two users: made anew with each start, and never on disk. */
export function hubUsers(): { system: User; fleet: User } {
  return { system: createUser(), fleet: createUser() };
}

/** @throws what NATS says while nobody answers yet */
export async function connectHub(users: ReturnType<typeof hubUsers>, port: number): Promise<HubConnections> {
  const opened: NatsConnection[] = [];
  try {
    const system = await connectAs(users.system, 'fleetd-system', port);
    opened.push(system);
    const fleet = await connectAs(users.fleet, 'fleetd', port);
    opened.push(fleet);
    const manager = await jetstreamManager(fleet, { timeout: 10_000, checkAPI: false });
    return { system, fleet, manager, client: jetstream(fleet, { timeout: 10_000 }) };
  } catch (error) {
    await Promise.all(opened.map((connection) => connection.close()));
    throw error;
  }
}

/**
 * Makes the server read its configuration again, and waits until it runs with it.
 * @param digest what `nats-server -t` said of the configuration
 */
export async function reloadHub(system: NatsConnection, digest: string): Promise<void> {
  const server = `$SYS.REQ.SERVER.${system.info?.server_id ?? ''}`;
  const reply = await system.request(`${server}.RELOAD`, '', { timeout: 20_000 });
  const { error } = reply.json<{ error?: { description?: string } }>();
  if (error !== undefined) throw new Error(error.description ?? 'the hub does not take its configuration');
  await waitFor(
    'the hub to run with its new configuration',
    20_000,
    async () => {
      const vars = await system.request(`${server}.VARZ`, '', { timeout: 5_000 });
      return vars.json<{ data?: { config_digest?: string } }>().data?.config_digest === digest;
    },
    { intervalMs: 10 },
  );
}

/** A TCP port of the loopback interface that nobody listens on. */
export async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => {
        if (address === null || typeof address === 'string') reject(new Error('no port'));
        else resolve(address.port);
      });
    });
  });
}

async function connectAs(user: User, name: string, port: number): Promise<NatsConnection> {
  return connect({
    servers: `127.0.0.1:${String(port)}`,
    authenticator: nkeyAuthenticator(user.getSeed()),
    name,
    timeout: 2_000,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 200,
    reconnectJitter: 50,
    ignoreAuthErrorAbort: true,
    ignoreClusterUpdates: true,
    noAsyncTraces: true,
  });
}
