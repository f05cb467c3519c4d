import { readFile } from 'node:fs/promises';
import { connect as connectTcp, type Socket } from 'node:net';
import { fromSeed } from '@nats-io/nkeys';
import {
  connect,
  nkeyAuthenticator,
  type ConnectionOptions,
  type NatsConnection,
} from '@nats-io/transport-node';
import { waitFor } from '@bulkhead/platform/kernel';
import type { BusBench } from './nats.ts';

/** A plain NATS client with an instrument's key: what somebody has who took over its container. */
export async function connectAsInstrument(
  bench: BusBench,
  name: string,
  options: Partial<ConnectionOptions> = {},
): Promise<NatsConnection> {
  return connect({
    servers: `127.0.0.1:${String(bench.site.natsPort)}`,
    authenticator: nkeyAuthenticator(Buffer.from(bench.bus.identity(name).seed)),
    inboxPrefix: `_INBOX.${name}`,
    reconnect: false,
    timeout: 5_000,
    ...options,
  });
}

/** Why the server refused to let something be subscribed, or undefined when it did not. */
export async function subscriptionRefusal(
  connection: NatsConnection,
  subject: string,
  queue?: string,
): Promise<Error | undefined> {
  const subscription = connection.subscribe(subject, queue === undefined ? {} : { queue });
  await connection.flush();
  if (!subscription.isClosed()) return undefined;
  const reason = await subscription.closed;
  return reason instanceof Error ? reason : undefined;
}

/** A session on the wire, for what a client library would not send. */
export interface WireSession {
  socket: Socket;
  /** All that the server sent so far. */
  received(): string;
  send(data: string | Buffer): void;
  /** Resolves when the server closed the connection. */
  closed: Promise<void>;
  isClosed(): boolean;
}

/** Opens a TCP connection to the bus; authenticated as an instrument when a name is given. */
export async function openWire(bench: BusBench, name?: string): Promise<WireSession> {
  const socket = connectTcp({ host: '127.0.0.1', port: bench.site.natsPort });
  let text = '';
  let ended = false;
  socket.on('data', (chunk: Buffer) => {
    text = (text + chunk.toString('latin1')).slice(-1_000_000);
  });
  // A reset by the server is an expected end here.
  socket.on('error', () => undefined);
  const closed = new Promise<void>((resolve) => {
    socket.on('close', () => {
      ended = true;
      resolve();
    });
  });
  const session: WireSession = {
    socket,
    received: () => text,
    send: (data) => void socket.write(data),
    closed,
    isClosed: () => ended,
  };
  await waitFor('INFO', 5_000, () => ended || text.includes('\r\n'), { intervalMs: 2 });
  if (name === undefined) return session;
  const info = JSON.parse(text.slice('INFO '.length, text.indexOf('\r\n'))) as { nonce: string };
  const key = fromSeed(Buffer.from(bench.bus.identity(name).seed));
  const signature = Buffer.from(key.sign(Buffer.from(info.nonce))).toString('base64url');
  const options = {
    nkey: key.getPublicKey(),
    sig: signature,
    headers: true,
    no_responders: true,
    verbose: false,
  };
  session.send(
    `CONNECT ${JSON.stringify({ ...options, pedantic: false, lang: 'wire', version: '0' })}\r\nPING\r\n`,
  );
  await waitFor('PONG', 5_000, () => ended || text.includes('PONG'), { intervalMs: 2 });
  return session;
}

/** Resident memory of a process in MiB. */
export async function residentMib(pid: number): Promise<number> {
  const status = await readFile(`/proc/${String(pid)}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024;
}
