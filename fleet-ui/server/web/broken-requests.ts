import type { Server } from 'node:http';
import type { Duplex } from 'node:stream';

/** For the reader to get the answer, who may be in the middle of sending. */
const LINGER_MS = 2_000;

const TOO_LARGE = `This request has larger headers than the fleet reads: 16 KiB.

In a browser that is nearly always too many cookies. A page below the same domain can set cookies for this one, too; the page of an
instrument, for instance. Delete the cookies of this domain in your browser (in Chromium: the icon before the address, then "Cookies
and site data"), or use a private window. You sign in again afterwards; nothing else is lost. If it comes back, close the page of the
instrument that you had open, and tell whoever looks after its sensor.
`;

/**
 * Answers what is no request: 431 with a way out, 408, 400, and an end.
 *
 * The cookies are not taken away by `Clear-Site-Data`: an address that is too long ends here as well, so any page of the web could sign
 * people out of every service of the domain by it.
 */
export function answerBrokenRequests(server: Server): void {
  // The parser reports every further part of the same request.
  const answered = new WeakSet<Duplex>();
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    if (answered.has(socket)) return;
    answered.add(socket);
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy();
      return;
    }
    socket.on('error', () => undefined);
    socket.end(answerTo(error.code));
    // Unread bytes would make the end a reset, and the answer would be lost with it.
    socket.resume();
    setTimeout(() => socket.destroy(), LINGER_MS).unref();
  });
}

function answerTo(code: string | undefined): string {
  const [status, text] =
    code === 'HPE_HEADER_OVERFLOW'
      ? ['431 Request Header Fields Too Large', TOO_LARGE]
      : code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? ['408 Request Timeout', '']
        : ['400 Bad Request', ''];
  return [
    `HTTP/1.1 ${status}`,
    'connection: close',
    'content-type: text/plain; charset=utf-8',
    'x-content-type-options: nosniff',
    'cache-control: no-store',
    `content-length: ${String(Buffer.byteLength(text))}`,
    '',
    text,
  ].join('\r\n');
}
