import { createRequire } from 'node:module';
import { constants } from 'node:http2';
import { Client, credentials, Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { resetCall, widenWindows } from '../../../fleet-ui/server/link/http2-stream.ts';

const PATH = '/test.Stream/open';
const bytes = (value: Buffer) => value;

/** A call of grpc-js itself, at both of its ends. */
async function openCall() {
  const server = new Server();
  const opened = new Promise<ServerDuplexStream<Buffer, Buffer>>((resolve) => {
    server.addService(
      {
        open: {
          ...{ path: PATH, requestStream: true, responseStream: true },
          ...{ requestSerialize: bytes, requestDeserialize: bytes },
          ...{ responseSerialize: bytes, responseDeserialize: bytes },
        },
      },
      { open: (call: ServerDuplexStream<Buffer, Buffer>) => resolve(call) },
    );
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, taken) =>
      error === null ? resolve(taken) : reject(error),
    );
  });
  const client = new Client(`127.0.0.1:${String(port)}`, credentials.createInsecure());
  const near = client.makeBidiStreamRequest(PATH, bytes, bytes);
  const ended = new Promise<number>((resolve) => {
    near.on('error', (error: Error & { code?: number }) => resolve(error.code ?? -1));
  });
  near.write(Buffer.from('hello'));
  return {
    call: await opened,
    ended,
    dispose: () => {
      client.close();
      server.forceShutdown();
    },
  };
}

test('grpc-js keeps the HTTP/2 stream of a call where the link looks for it', async () => {
  const { version } = createRequire(import.meta.url)('@grpc/grpc-js/package.json') as { version: string };
  const { call, dispose } = await openCall();
  try {
    const stream = (call as unknown as { call?: { stream?: { session?: object; close?: unknown } } }).call
      ?.stream;
    expect(
      [typeof stream?.close, typeof stream?.session],
      `grpc-js ${version} keeps it elsewhere: see fleet-ui/server/link/http2-stream.ts, which finds nothing now`,
    ).toEqual(['function', 'object']);
  } finally {
    dispose();
  }
});

test('a call is reset at once although the other side reads nothing, and windows become what was asked for', async () => {
  const { call, ended, dispose } = await openCall();
  try {
    const { session } = (
      call as unknown as { call: { stream: { session: import('node:http2').ServerHttp2Session } } }
    ).call.stream;
    widenWindows(call, { stream: 300_000, connection: 900_000 });
    await expect.poll(() => session.localSettings.initialWindowSize, { timeout: 10_000 }).toBe(300_000);
    // Less what was read already; the default is 65,535.
    expect(session.state.localWindowSize).toBeGreaterThan(890_000);
    resetCall(call);
    // CANCELLED, as gRPC names NGHTTP2_CANCEL.
    expect([await ended, constants.NGHTTP2_CANCEL]).toEqual([1, 8]);
  } finally {
    dispose();
  }
});
