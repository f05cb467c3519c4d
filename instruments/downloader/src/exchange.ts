import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connectTo, type Way } from './connection.ts';
import { DownloadError, reasonOf } from './errors.ts';
import { hostOf, nextUrl, type RedirectRules } from './redirects.ts';

const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];

/** A response whose body was not read yet. Whoever takes it destroys it. */
export interface Opened {
  response: IncomingMessage;
  status: number;
  /** Where it came from, after redirects. */
  url: URL;
}

/**
 * Asks for a file, following redirects as far as the rules let it. Each step is resolved and judged anew.
 * @throws DownloadError
 */
export async function openFile(
  start: URL,
  headers: Readonly<Record<string, string>>,
  rules: RedirectRules,
  way: Way,
): Promise<Opened> {
  let url = start;
  for (let step = 0; ; step += 1) {
    const response = await get(url, headers, way);
    const status = response.statusCode ?? 0;
    if (!REDIRECTS.includes(status)) return { response, status, url };
    response.destroy();
    if (step === way.limits.redirects) {
      throw new DownloadError(
        'DOWNLOADER_REDIRECT_REFUSED',
        `${hostOf(start)} redirects more than ${String(way.limits.redirects)} times.`,
      );
    }
    url = nextUrl(url, response.headers.location, rules);
  }
}

/** One GET, up to the end of the response's head. */
async function get(url: URL, headers: Readonly<Record<string, string>>, way: Way): Promise<IncomingMessage> {
  const { socket, absolute } = await connectTo(url, way);
  const request = httpRequest({
    method: 'GET',
    path: absolute ? `http://${url.host}${url.pathname}${url.search}` : `${url.pathname}${url.search}`,
    headers: {
      host: url.host,
      'user-agent': 'bulkhead-downloader',
      accept: '*/*',
      'accept-encoding': 'identity',
      connection: 'close',
      ...headers,
    },
    setHost: false,
    maxHeaderSize: way.limits.headBytes,
    insecureHTTPParser: false,
    createConnection: () => socket,
  });
  const stop = (): void => {
    request.destroy();
    socket.destroy();
  };
  // A deadline for the whole head, so that neither drops of it nor endless interim responses (1xx) hold us.
  const timer = setTimeout(() => {
    request.destroy(new DownloadError('DOWNLOADER_TIMEOUT', `${hostOf(url)} does not answer in time.`));
  }, way.limits.headMs);
  way.signal.addEventListener('abort', stop, { once: true });
  try {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      request.on('error', reject);
      request.once('response', resolve);
      request.once('upgrade', () => {
        reject(new Error('it changes the protocol'));
      });
      request.end();
    });
    response.on('error', () => undefined);
    response.once('close', () => {
      way.signal.removeEventListener('abort', stop);
      socket.destroy();
    });
    return response;
  } catch (cause) {
    way.signal.removeEventListener('abort', stop);
    stop();
    way.signal.throwIfAborted();
    throw headError(hostOf(url), cause);
  } finally {
    clearTimeout(timer);
  }
}

function headError(host: string, cause: unknown): DownloadError {
  if (cause instanceof DownloadError) return cause;
  const code = (cause as NodeJS.ErrnoException | undefined)?.code ?? '';
  if (code.startsWith('HPE_')) {
    return new DownloadError(
      'DOWNLOADER_HEADERS_REFUSED',
      code === 'HPE_HEADER_OVERFLOW'
        ? `${host} sends more headers than are taken.`
        : `${host} does not answer in HTTP: ${reasonOf(cause)}.`,
      { cause },
    );
  }
  return new DownloadError('DOWNLOADER_BROKEN_OFF', `${host} broke off: ${reasonOf(cause)}.`, { cause });
}
