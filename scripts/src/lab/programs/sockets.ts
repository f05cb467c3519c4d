import { connect, type NetConnectOpts, type Socket } from 'node:net';

const TIMEOUT_MS = 3_000;

/** An open TCP connection; rejects when refused or silent for 3 s. */
export function openSocket(options: NetConnectOpts): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ ...options, timeout: TIMEOUT_MS });
    socket.once('connect', () => {
      resolve(socket);
    });
    socket.once('error', reject);
    socket.once('timeout', () => {
      socket.destroy(new Error(`no answer for ${String(TIMEOUT_MS)} ms`));
    });
  });
}

/** Resolves when what was received since the last call contains `text`; a conversation by prompts. */
export function expectText(socket: Socket, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let received = '';
    const hear = (chunk: Buffer) => {
      received += chunk.toString('latin1');
      if (received.includes(text)) done(resolve);
    };
    const fail = () => {
      done(() => {
        reject(new Error(`connection ended before ${JSON.stringify(text)}`));
      });
    };
    const done = (then: () => void) => {
      socket.off('data', hear).off('close', fail);
      then();
    };
    socket.on('data', hear).on('close', fail);
  });
}

/** Ends a connection politely and waits until it is closed. */
export function closeSocket(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once('close', () => {
      resolve();
    });
    socket.resume();
    socket.end();
  });
}
