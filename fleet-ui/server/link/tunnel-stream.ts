import { Duplex } from 'node:stream';
import { status, type ServerDuplexStream } from '@grpc/grpc-js';
import type { TunnelFrame } from '@bulkhead/platform/contracts/fleet';
import { resetCall } from './http2-stream.ts';

export type TunnelCall = ServerDuplexStream<TunnelFrame, TunnelFrame>;

/** Of one frame, as the contract has it. */
const FRAME_BYTES = 64 << 10;
const BUFFER_BYTES = 128 << 10;
/** For the other side to end as well, once this one has. */
const HALF_CLOSED_MS = 30_000;
/** For a tunnel that was torn down to tell the other side in order. */
const RESET_MS = 1_000;

/**
 * The bytes of one tunnel as a Node stream, with the flow control of HTTP/2 from end to end: `write` returns false when the
 * sensor's reader is slow, and a reader here that does not read stops the sensor's writer.
 *
 * INVARIANTS: at most one write waits for the transport. `onClose` is called once, whatever ends the tunnel.
 */
export class TunnelStream extends Duplex {
  readonly #call: TunnelCall;
  #remoteEnded = false;

  constructor(call: TunnelCall, onClose: () => void) {
    super({ readableHighWaterMark: BUFFER_BYTES, writableHighWaterMark: BUFFER_BYTES, decodeStrings: true });
    this.#call = call;
    this.once('close', onClose);
    call.on('data', ({ data, end }: TunnelFrame) => {
      if (this.destroyed || this.#remoteEnded) return;
      if (data.length > 0 && !this.push(data)) call.pause();
      if (end) this.#endOfRemote();
    });
    call.on('end', () => {
      if (!this.destroyed) this.#endOfRemote();
    });
    call.on('cancelled', () => {
      this.destroy(Object.assign(new Error('the sensor closed the tunnel'), { code: 'ECONNRESET' }));
    });
  }

  override _read(): void {
    this.#call.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#send(chunk, done);
  }

  /** Many small writes become few frames. */
  override _writev(
    chunks: { chunk: Buffer; encoding: BufferEncoding }[],
    done: (error?: Error | null) => void,
  ): void {
    this.#send(
      chunks.length === 1 ? (chunks[0]?.chunk ?? EMPTY) : Buffer.concat(chunks.map((one) => one.chunk)),
      done,
    );
  }

  override _final(done: (error?: Error | null) => void): void {
    // HTTP/2 servers cannot end one direction alone: the frame says it.
    this.#call.write({ data: EMPTY, end: true } satisfies TunnelFrame, () => {
      done();
      if (this.#remoteEnded) return;
      const timer = setTimeout(() => {
        if (!this.#remoteEnded) this.destroy();
      }, HALF_CLOSED_MS);
      this.once('close', () => {
        clearTimeout(timer);
      });
    });
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (!this.#call.cancelled && !this.#call.destroyed) {
      if (error === null && this.writableFinished) this.#call.end();
      else {
        // Its end may stand behind bytes that the sensor does not take.
        setTimeout(() => {
          resetCall(this.#call);
        }, RESET_MS).unref();
        this.#call.emit(
          'error',
          Object.assign(new Error('closed'), { code: status.CANCELLED, details: 'closed' }),
        );
      }
      // What still comes is thrown away, so that the end of the call is seen.
      this.#call.resume();
    }
    done(error);
  }

  // What clients of sockets call without asking; there is nothing to set on a tunnel.
  setNoDelay(): this {
    return this;
  }
  setKeepAlive(): this {
    return this;
  }
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }

  #endOfRemote(): void {
    if (this.#remoteEnded) return;
    this.#remoteEnded = true;
    this.push(null);
  }

  #send(bytes: Buffer, done: (error?: Error | null) => void): void {
    let from = 0;
    const next = (error?: Error | null) => {
      if ((error !== null && error !== undefined) || from >= bytes.length) {
        done(error);
        return;
      }
      const data = bytes.subarray(from, from + FRAME_BYTES);
      from += data.length;
      this.#call.write({ data, end: false } satisfies TunnelFrame, next);
    };
    next();
  }
}

const EMPTY = Buffer.alloc(0);
