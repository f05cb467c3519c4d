import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Dispatcher } from 'undici';
import { BulkheadError } from '@bulkhead/platform/kernel';
import type { Grant } from './grants.ts';
import type { CutReason, Live, Lives } from './lives.ts';
import type { ProxyLimits } from './limits.ts';
import { refusal } from './refusal.ts';
import { headersForInstrument } from './request-headers.ts';
import { headerLines } from './replies.ts';
import type { Place, Visitor } from './types.ts';

/** All that a page may say with its agreement (RFC 6455, 4.2.2). */
const AGREEMENT: ReadonlySet<string> = new Set([
  'sec-websocket-accept',
  'sec-websocket-protocol',
  'sec-websocket-extensions',
]);

/** @throws BulkheadError FLEET_PROXY_REQUEST_REFUSED for anything but the opening of a WebSocket */
export function checkUpgrade({ headers, method }: IncomingMessage): void {
  const isWebSocket =
    method === 'GET' &&
    headers.upgrade?.toLowerCase() === 'websocket' &&
    headers['sec-websocket-version'] === '13' &&
    /^[A-Za-z0-9+/]{22}==$/.test(headers['sec-websocket-key'] ?? '');
  // `h2c` would be a door past everything that is checked here.
  if (!isWebSocket) throw refusal('FLEET_PROXY_REQUEST_REFUSED', 'Only WebSocket connections are passed on.');
  if (headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined) {
    throw refusal('FLEET_PROXY_REQUEST_REFUSED', 'The opening of a WebSocket has no body.');
  }
}

/** What an upgraded connection is made of. */
export interface UpgradeParts {
  request: IncomingMessage;
  socket: Duplex;
  /** What the client sent already. */
  head: Buffer;
  grant: Grant;
  dispatcher: Dispatcher;
  lives: Lives;
  limits: ProxyLimits;
  /** Answers for us when the page does not agree; closes the connection. */
  fail: (error: unknown) => void;
  agreed: () => void;
  done: () => void;
}

/**
 * One WebSocket. Frames are passed on as bytes: what is in flight is bounded by the buffers of two streams, whatever a frame or
 * a message says of its size (ABUSE 57); a side that does not read stops the other.
 *
 * INVARIANTS: `end` runs once and closes both sides. Nothing of the page's reaches the browser before its agreement.
 */
export class Upgrade implements Live, Dispatcher.DispatchHandler {
  readonly place: Place;
  readonly visitor: Visitor;
  idleMs: number;
  movedAt: number;
  readonly #parts: UpgradeParts;
  #abort: (() => void) | undefined;
  #page: Duplex | undefined;
  #bytes = 0;
  #isEnded = false;

  constructor(parts: UpgradeParts) {
    this.#parts = parts;
    this.place = parts.grant.place;
    this.visitor = parts.grant.visitor;
    this.idleMs = parts.limits.agreeMs;
    this.movedAt = parts.lives.now;
  }

  begin(): void {
    const { request, socket, grant, dispatcher, lives } = this.#parts;
    lives.add(this);
    socket.once('close', () => {
      this.#end();
    });
    // Until the page agrees nothing is taken from the client, but that it went away must be seen.
    socket.on('readable', this.#onReadable);
    socket.once('end', () => {
      if (this.#page === undefined) this.#end();
    });
    (socket as { setTimeout?: (ms: number) => void }).setTimeout?.(0);
    dispatcher.dispatch(
      {
        method: 'GET',
        path: request.url ?? '/',
        headers: headersForInstrument(request, grant),
        upgrade: 'websocket',
      },
      this,
    );
  }

  /** Counters of the sockets cost nothing per frame. */
  look(nowMs: number): void {
    const { bytesRead = 0, bytesWritten = 0 } = this.#parts.socket as Partial<
      Record<'bytesRead' | 'bytesWritten', number>
    >;
    if (bytesRead + bytesWritten === this.#bytes) return;
    this.#bytes = bytesRead + bytesWritten;
    this.movedAt = nowMs;
  }

  cut(reason: CutReason): void {
    if (this.#page === undefined && reason === 'silence') {
      this.#failed(refusal('FLEET_PROXY_TIMEOUT', 'The instrument did not answer in time.'));
      return;
    }
    this.#end();
  }

  onConnect(abort: () => void): void {
    this.#abort = abort;
    if (this.#isEnded) abort();
  }

  onUpgrade(status: number, raw: Buffer[] | string[] | null, page: Duplex): void {
    page.on('error', () => {
      this.#end();
    });
    if (this.#isEnded || status !== 101) {
      page.destroy();
      this.#failed(refusal('FLEET_PROXY_UNREACHABLE', 'The instrument did not agree to the connection.'));
      return;
    }
    const { socket, head, lives } = this.#parts;
    this.#page = page;
    this.idleMs = this.#parts.limits.silentMs;
    this.movedAt = lives.now;
    const headers = ['Upgrade', 'websocket', 'Connection', 'Upgrade'];
    for (let index = 0; raw !== null && index + 1 < raw.length; index += 2) {
      const name = String(raw[index]);
      if (AGREEMENT.has(name.toLowerCase())) headers.push(name, String(raw[index + 1]));
    }
    socket.write(`HTTP/1.1 101 Switching Protocols\r\n${headerLines(headers)}\r\n`);
    this.#parts.agreed();
    page.once('close', () => {
      this.#end();
    });
    if (head.length > 0) page.write(head);
    socket.off('readable', this.#onReadable);
    page.pipe(socket);
    socket.pipe(page);
  }

  /** An answer instead of an agreement: what it says is the page's business, but not on this connection. */
  onHeaders(status: number): boolean {
    if (status >= 200) {
      this.#failed(refusal('FLEET_PROXY_UNREACHABLE', `The instrument refused the connection (${status}).`));
    }
    return true;
  }

  onData(): boolean {
    return true;
  }

  onComplete(): void {
    this.#end();
  }

  onError(error: Error): void {
    this.#failed(
      error instanceof BulkheadError
        ? error
        : refusal('FLEET_PROXY_UNREACHABLE', 'The instrument did not agree to the connection.', error),
    );
  }

  readonly #onReadable = () => {
    const { socket } = this.#parts;
    // Reading nothing is what makes the end of an empty stream known.
    if (socket.readableLength === 0) socket.read();
  };

  #failed(error: unknown): void {
    if (this.#isEnded) return;
    this.#leave();
    this.#parts.fail(error);
  }

  #end(): void {
    if (this.#isEnded) return;
    this.#leave();
    this.#parts.socket.destroy();
  }

  #leave(): void {
    this.#isEnded = true;
    this.#parts.lives.remove(this);
    this.#abort?.();
    this.#page?.destroy();
    this.#parts.done();
  }
}
