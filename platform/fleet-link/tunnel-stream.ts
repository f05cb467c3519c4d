import { Duplex } from 'node:stream';
import type { ClientDuplexStream } from '@grpc/grpc-js';
import type { TunnelFrame } from '../contracts/fleet/index.ts';

/** What one frame carries at most. */
const FRAME_BYTES = 64 << 10;
/** The other side closes the call when both directions have ended; a fleet that does not is not waited for longer. */
const CLOSE_MS = 5_000;
const NOTHING = Buffer.alloc(0);

/**
 * The bytes of a tunnel as a stream. Each direction ends for itself; the flow control of the call slows either side down, so no
 * more than a frame waits here.
 */
export class TunnelStream extends Duplex {
  readonly #call: ClientDuplexStream<TunnelFrame, TunnelFrame>;
  #calledOff = false;
  #remoteEnded = false;

  constructor(call: ClientDuplexStream<TunnelFrame, TunnelFrame>) {
    super({ allowHalfOpen: true, readableHighWaterMark: FRAME_BYTES, writableHighWaterMark: FRAME_BYTES });
    this.#call = call;
    call.on('data', ({ data, end }: TunnelFrame) => {
      if (this.#remoteEnded || this.destroyed) return;
      if (data.length > 0 && !this.push(data)) call.pause();
      if (end) this.#endOfRemote();
    });
    call.on('end', () => {
      this.#endOfRemote();
    });
    call.on('error', (error: Error) => {
      this.#calledOff = true;
      this.destroy(error);
    });
    call.on('close', () => {
      this.#calledOff = true;
    });
  }

  #endOfRemote(): void {
    if (this.#remoteEnded || this.destroyed) return;
    this.#remoteEnded = true;
    this.push(null);
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
    this.#send(Buffer.concat(chunks.map(({ chunk }) => chunk)), done);
  }

  #send(bytes: Buffer, done: (error?: Error | null) => void): void {
    let from = 0;
    const next = (error?: Error | null): void => {
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

  override _final(done: (error?: Error | null) => void): void {
    this.#call.write({ data: NOTHING, end: true } satisfies TunnelFrame, (error?: Error | null) => {
      this.#call.end();
      done(error);
    });
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (error !== null || !this.writableFinished || !this.readableEnded) {
      this.#call.cancel();
    } else if (!this.#calledOff) {
      // A cancelled call may lose what is still on its way.
      const timer = setTimeout(() => {
        this.#call.cancel();
      }, CLOSE_MS);
      timer.unref();
      this.#call.once('close', () => {
        clearTimeout(timer);
      });
      this.#call.resume();
    }
    done(error);
  }
}
