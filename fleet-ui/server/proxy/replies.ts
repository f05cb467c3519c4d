import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { ERROR_CATALOGUE } from '@bulkhead/platform/contracts';
import { BulkheadError } from '@bulkhead/platform/kernel';
import { refusal, statusOf } from './refusal.ts';
import { enforcedHeaders } from './response-headers.ts';

const STYLE =
  'body{font:16px/1.5 system-ui,sans-serif;margin:0;color:#1d2433;background:#f6f7f9}' +
  'main{max-width:36rem;margin:12vh auto;padding:0 1.5rem}h1{font-size:1.4rem;margin:0 0 .5rem}' +
  'code{color:#5b6474}a{color:#1b5cc2}' +
  '@media(prefers-color-scheme:dark){body{color:#e6e9ef;background:#14171d}code{color:#9aa4b5}a{color:#7fb0ff}}';
const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64');
/** Of our own small pages: text and this one style, nothing else. */
const OWN_POLICY = `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'`;

/** For who has not sent all, or does not take the answer. */
const LINGER_MS = 1_000;

/** What the fleet itself answers on origins of instruments. */
export class Replies {
  readonly #headers: readonly string[];

  constructor(scheme: 'http' | 'https') {
    this.#headers = [...enforcedHeaders(scheme, OWN_POLICY), 'Cache-Control', 'no-store'];
  }

  /** A refusal or failure: a small page for people, JSON for programs. What more comes of the request is thrown away. */
  refuse(
    request: IncomingMessage,
    response: ServerResponse,
    error: unknown,
    fleet: string | undefined,
  ): void {
    if (response.headersSent) {
      response.destroy();
      return;
    }
    const known = asKnown(error);
    const status = statusOf(known);
    const isPage = wantsPage(request);
    const body = isPage ? pageOf(known, status, fleet) : JSON.stringify(shown(known));
    response.writeHead(status, [
      ...this.#headers,
      'Content-Type',
      isPage ? 'text/html; charset=utf-8' : 'application/json; charset=utf-8',
      'Content-Length',
      String(Buffer.byteLength(body)),
      ...(status === 503 ? ['Retry-After', '5'] : []),
    ]);
    response.end(request.method === 'HEAD' ? undefined : body);
    if (!request.complete && !hasNoBody(request)) linger(request);
  }

  /** The same on a connection that was to be upgraded, which is closed. */
  refuseUpgrade(socket: Duplex, error: unknown): void {
    if (!socket.writable) {
      socket.destroy();
      return;
    }
    const known = asKnown(error);
    const body = JSON.stringify(shown(known));
    const headers = [
      'Connection',
      'close',
      'Content-Type',
      'application/json; charset=utf-8',
      ...this.#headers,
    ];
    socket.end(
      `HTTP/1.1 ${statusOf(known)} Refused\r\nContent-Length: ${Buffer.byteLength(body)}\r\n${headerLines(headers)}\r\n${body}`,
    );
    // Whoever does not take the answer does not get to keep the connection either.
    setTimeout(() => socket.destroy(), LINGER_MS).unref();
  }

  /** Into the page, with a session. @param path checked before */
  enter(response: ServerResponse, path: string, cookie: string): void {
    response.writeHead(303, [
      ...this.#headers,
      'Location',
      path,
      'Set-Cookie',
      cookie,
      'Content-Length',
      '0',
    ]);
    response.end();
  }
}

/** Names and values in turns as lines of a header block. */
export function headerLines(headers: readonly string[]): string {
  let text = '';
  for (let index = 0; index < headers.length; index += 2) {
    text += `${headers[index] as string}: ${headers[index + 1] as string}\r\n`;
  }
  return text;
}

/**
 * Who is still sending gets a moment to see the answer, and then no more of this connection: closing it with bytes unread would
 * take the answer back (as nginx does it: lingering close).
 */
function linger(request: IncomingMessage): void {
  request.resume();
  setTimeout(() => {
    if (!request.complete) request.socket.destroy();
  }, LINGER_MS).unref();
}

function hasNoBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] === undefined && (headers['content-length'] ?? '0') === '0';
}

/** A person's browser shows a page; scripts, tools and whoever sends a token get JSON. */
function wantsPage({ headers }: IncomingMessage): boolean {
  return headers.accept?.includes('text/html') === true && headers.authorization === undefined;
}

function asKnown(error: unknown): BulkheadError {
  return error instanceof BulkheadError
    ? error
    : refusal('FLEET_PROXY_UNREACHABLE', 'The instrument did not answer as a page does.', error);
}

function shown({ code, message, hint }: BulkheadError): { code: string; message: string; hint?: string } {
  const advice = hint ?? ERROR_CATALOGUE[code]?.hint;
  return { code, message, ...(advice === undefined ? {} : { hint: advice }) };
}

function pageOf(error: BulkheadError, status: number, fleet: string | undefined): string {
  const { code, message, hint } = shown(error);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${text(message)}</title><style>${STYLE}</style></head>
<body><main><h1>${text(message)}</h1>
${hint === undefined ? '' : `<p>${text(hint)}</p>\n`}${fleet === undefined ? '' : `<p><a href="${text(fleet)}">To the fleet</a></p>\n`}<p><code>${status} ${code}</code></p></main></body></html>
`;
}

function text(value: string): string {
  return value.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
