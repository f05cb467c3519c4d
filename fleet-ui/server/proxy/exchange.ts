import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Dispatcher } from 'undici';
import { bodyOf } from './body.ts';
import { asRefusal } from './failure.ts';
import type { Grant } from './grants.ts';
import type { CutReason, Live, Lives } from './lives.ts';
import type { ProxyLimits } from './limits.ts';
import { refusal } from './refusal.ts';
import { headersForInstrument, isSafe } from './request-headers.ts';
import { headersForBrowser } from './response-headers.ts';
import type { Place, Visitor } from './types.ts';

/** Answers up to this are copied once to be written with their head. */
const SMALL_BYTES = 16_384;

/** What an exchange is made of. */
export interface ExchangeParts {
  request: IncomingMessage;
  response: ServerResponse;
  grant: Grant;
  dispatcher: Dispatcher;
  enforced: readonly string[];
  lives: Lives;
  limits: ProxyLimits;
  /** Answers for us when the page cannot. */
  fail: (error: unknown) => void;
  /** Called once, at the very end. */
  done: () => void;
  /** A stream of events begins: false when the visitor has too many already. */
  mayStream: () => boolean;
}

/**
 * One request and its answer. It is undici's handler itself: nothing is copied or buffered on the way, and a side that does not
 * take what comes slows the other down.
 *
 * INVARIANTS: `end` runs once, whoever is first: the page's answer, a failure, the client that goes away, or a cut. After that
 * nothing is written. A request is sent twice at most, and only where nothing of it may have been acted upon.
 */
export class Exchange implements Live, Dispatcher.DispatchHandler {
  readonly place: Place;
  readonly visitor: Visitor;
  idleMs: number;
  movedAt: number;
  readonly #parts: ExchangeParts;
  #abort: (() => void) | undefined;
  #resume: (() => void) | undefined;
  /** The part that came last: with the end it goes out as one write. */
  #held: Buffer | undefined;
  #isBegun = false;
  #isEnded = false;
  #isSecondTry = false;
  #isStream = false;
  readonly #hasBody: boolean;

  constructor(parts: ExchangeParts) {
    this.#parts = parts;
    this.place = parts.grant.place;
    this.visitor = parts.grant.visitor;
    this.idleMs = parts.limits.answerMs;
    this.movedAt = parts.lives.now;
    const { headers } = parts.request;
    this.#hasBody = headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
  }

  /** @throws BulkheadError FLEET_PROXY_TOO_LARGE */
  begin(): void {
    const { response, lives, limits } = this.#parts;
    const body = this.#hasBody
      ? bodyOf(this.#parts.request, limits.bodyBytesMost, () => {
          this.movedAt = lives.now;
        })
      : undefined;
    lives.add(this);
    response.once('close', () => {
      this.#end();
    });
    this.#send(body);
  }

  cut(reason: CutReason): void {
    if (this.#isEnded) return;
    if (this.#isBegun) {
      this.#end();
      this.#parts.response.destroy();
    } else if (reason === 'rights') {
      this.#failed(refusal('FLEET_PROXY_DENIED', 'The right to open this instrument has ended.'));
    } else {
      this.#failed(refusal('FLEET_PROXY_TIMEOUT', 'The instrument did not answer in time.'));
    }
  }

  onConnect(abort: () => void): void {
    this.#abort = abort;
    if (this.#isEnded) abort();
  }

  onHeaders(status: number, raw: Buffer[], resume: () => void): boolean {
    // 103 and the like: hints for a browser that trusts the page more than we do.
    if (status < 200 || this.#isEnded) return true;
    const { response, enforced, lives } = this.#parts;
    const { headers, streams } = headersForBrowser(raw, enforced, this.place.hasOwnCookies);
    if (streams) {
      if (!this.#parts.mayStream()) {
        this.#failed(refusal('FLEET_PROXY_BUSY', 'Too many streams of events are open.'));
        return true;
      }
      this.#isStream = true;
      this.idleMs = this.#parts.limits.silentMs;
      // The listener's own limit is for what does not tell us how long it may be silent.
      this.#parts.request.socket.setTimeout(0);
    }
    this.movedAt = lives.now;
    this.#resume = resume;
    response.sendDate = false;
    response.writeHead(status, headers);
    this.#isBegun = true;
    if (streams) response.flushHeaders();
    return true;
  }

  onData(chunk: Buffer): boolean {
    if (this.#isEnded) return true;
    this.movedAt = this.#parts.lives.now;
    const held = this.#held;
    this.#held = undefined;
    if (held === undefined && !this.#isStream) {
      this.#held = chunk;
      // Small answers end in the same breath; whatever does not must not wait for more.
      setImmediate(() => {
        this.#flush();
      });
      return true;
    }
    const { response } = this.#parts;
    if (held !== undefined) response.write(held);
    if (response.write(chunk)) return true;
    this.#waitForDrain();
    return false;
  }

  onComplete(): void {
    if (this.#isEnded) return;
    const held = this.#held;
    this.#held = undefined;
    const { response } = this.#parts;
    this.#end();
    if (held === undefined) response.end();
    // As text Node puts it behind the head and writes both at once; latin1 keeps every byte.
    else if (held.length <= SMALL_BYTES) response.end(held.toString('latin1'), 'latin1');
    else response.end(held);
  }

  onError(error: Error): void {
    if (this.#isEnded) return;
    if (this.#isBegun) {
      // Cut off, so that the browser sees that something is missing.
      this.#end();
      this.#parts.response.destroy();
      return;
    }
    if (this.#mayTryAgain(error)) {
      this.#isSecondTry = true;
      this.#send(undefined);
      return;
    }
    this.#failed(asRefusal(error));
  }

  #send(body: ReturnType<typeof bodyOf>): void {
    const { request, grant, dispatcher } = this.#parts;
    const headers = headersForInstrument(request, grant);
    if (body?.length !== undefined) headers.push('Content-Length', String(body.length));
    dispatcher.dispatch(
      {
        method: request.method ?? 'GET',
        path: request.url ?? '/',
        headers,
        body: body?.stream ?? null,
      },
      this,
    );
  }

  /** A connection that was kept may be closed by the page just as it is used again: the request never got there. */
  #mayTryAgain(error: Error): boolean {
    const code = (error as { code?: string }).code;
    return (
      !this.#isSecondTry &&
      !this.#hasBody &&
      isSafe(this.#parts.request.method ?? '') &&
      (code === 'UND_ERR_SOCKET' || code === 'ECONNRESET' || code === 'EPIPE')
    );
  }

  #flush(): void {
    const held = this.#held;
    if (held === undefined || this.#isEnded) return;
    this.#held = undefined;
    if (!this.#parts.response.write(held)) this.#waitForDrain();
  }

  #waitForDrain(): void {
    this.#parts.response.once('drain', () => {
      this.movedAt = this.#parts.lives.now;
      this.#resume?.();
    });
  }

  #failed(error: unknown): void {
    this.#end();
    this.#parts.fail(error);
  }

  #end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#parts.lives.remove(this);
    if (this.#isStream) restoreTimeout(this.#parts.request);
    // After the answer is whole this does nothing.
    this.#abort?.();
    this.#parts.done();
  }
}

function restoreTimeout({ socket }: IncomingMessage): void {
  const { server } = socket as { server?: { timeout?: number } };
  if (!socket.destroyed) socket.setTimeout(server?.timeout ?? 0);
}
