import { setTimeout as sleep } from 'node:timers/promises';
import { connect, nkeyAuthenticator, type NatsConnection } from '@nats-io/transport-node';
import { BulkheadError, describeError, waitFor } from '../kernel/index.ts';
import type { BusIdentity } from './identities.ts';

/** Connects one of the platform's own users; it reconnects for as long as it is not closed. */
export async function connectAs(
  identity: BusIdentity,
  name: string,
  port: number,
  timeoutMs: number,
  inboxPrefix?: string,
): Promise<NatsConnection> {
  const connecting = connect({
    servers: `127.0.0.1:${String(port)}`,
    authenticator: nkeyAuthenticator(Buffer.from(identity.seed)),
    name,
    timeout: timeoutMs,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 200,
    reconnectJitter: 50,
    // After a restart the server may refuse for a moment; giving up would leave the platform without its bus.
    ignoreAuthErrorAbort: true,
    pingInterval: 10_000,
    noAsyncTraces: true,
    ignoreClusterUpdates: true,
    ...(inboxPrefix === undefined ? {} : { inboxPrefix }),
  });
  // The client's own time limit does not end when whoever listens there takes the connection and says nothing.
  let abandoned = false;
  const late = sleep(timeoutMs + 500, undefined, { ref: false }).then((): never => {
    abandoned = true;
    throw new Error('whoever listens there does not speak NATS');
  });
  void connecting.then(
    (connection) => (abandoned ? connection.close() : undefined),
    () => undefined,
  );
  return Promise.race([connecting, late]);
}

/** Digest of the configuration that the server runs with, as `nats-server -t` prints it. */
export async function runningDigest(system: NatsConnection): Promise<string | undefined> {
  const reply = await system.request(`$SYS.REQ.SERVER.${serverId(system)}.VARZ`, '', { timeout: 3_000 });
  return reply.json<{ data?: { config_digest?: string } }>().data?.config_digest;
}

/**
 * Makes the server read its configuration again and sees to it that it took.
 * @throws BulkheadError BUS_RELOAD_REFUSED when it runs with the old one afterwards
 */
export async function reload(system: NatsConnection, digest: string): Promise<void> {
  const reply = await system.request(`$SYS.REQ.SERVER.${serverId(system)}.RELOAD`, '', { timeout: 5_000 });
  const { error } = reply.json<{ error?: { description?: string } }>();
  try {
    if (error !== undefined) throw new Error(error.description ?? 'no reason given');
    await waitFor(
      'the server to run with the new configuration',
      5_000,
      async () => (await runningDigest(system)) === digest,
      {
        intervalMs: 10,
      },
    );
  } catch (cause) {
    throw new BulkheadError({
      code: 'BUS_RELOAD_REFUSED',
      message: `nats-server did not take the new configuration: ${describeError(cause)}`,
      hint: 'The server is restarted with it; instruments reconnect by themselves.',
      cause,
    });
  }
}

function serverId(connection: NatsConnection): string {
  return connection.info?.server_id ?? '';
}
