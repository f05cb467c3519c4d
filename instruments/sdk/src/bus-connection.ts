import { setTimeout as sleep } from 'node:timers/promises';
import { connect, nkeyAuthenticator, type NatsConnection } from '@nats-io/transport-node';
import { InstrumentError } from './errors.ts';
import { readBounded, type InstrumentFile } from './instrument-file.ts';
import { inboxPrefix } from './protocol.ts';

/** Largest key file: an nkey seed is 58 characters. */
const KEY_BYTES = 256;

/**
 * Connects to the bus with the instrument's key and keeps reconnecting for as long as the key is accepted.
 * @throws InstrumentError BUS_CONNECT_FAILED after `timeoutMs`, BUS_FILE_INVALID when the key cannot be read
 */
export async function connectToBus(file: InstrumentFile, timeoutMs: number): Promise<NatsConnection> {
  const seed = (await readBounded(file.bus.keyFile, KEY_BYTES)).trim();
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    try {
      return await connect({
        servers: file.bus.url,
        authenticator: nkeyAuthenticator(Buffer.from(seed)),
        name: file.name,
        inboxPrefix: inboxPrefix(file.name),
        timeout: 5_000,
        maxReconnectAttempts: -1,
        reconnectTimeWait: 250,
        reconnectJitter: 100,
        pingInterval: 10_000,
        noAsyncTraces: true,
        ignoreClusterUpdates: true,
      });
    } catch (cause) {
      if (performance.now() > deadline) {
        throw new InstrumentError({
          code: 'BUS_CONNECT_FAILED',
          message: `${file.name} cannot connect to the bus at ${file.bus.url}: ${cause instanceof Error ? cause.message : String(cause)}`,
          hint: 'See whether nats-server runs, and whether the key of the instrument is the current one.',
          fields: { instrument: file.name, url: file.bus.url },
          cause,
        });
      }
      await sleep(250);
    }
  }
}
