import type { IncomingMessage } from 'node:http';
import { Transform, type Readable } from 'node:stream';
import { refusal } from './refusal.ts';

/**
 * The body of a request on its way to a page, bounded also where no length was stated (ABUSE 57).
 * @param moved called with every part
 * @returns undefined: it has none
 * @throws BulkheadError FLEET_PROXY_TOO_LARGE
 */
export function bodyOf(
  request: IncomingMessage,
  most: number,
  moved: () => void,
): { stream: Readable; length: number | undefined } | undefined {
  const { headers } = request;
  const isChunked = headers['transfer-encoding'] !== undefined;
  const length = isChunked ? undefined : Number(headers['content-length'] ?? 0);
  if (length === 0) return undefined;
  if (length !== undefined && length > most) throw tooLarge(most);
  let bytes = 0;
  // Between the two, so that whoever gives up on the page's side does not close the client's connection before it is answered.
  const stream = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      moved();
      if (bytes > most) done(tooLarge(most));
      else done(null, chunk);
    },
  });
  request.pipe(stream);
  stream.once('close', () => request.unpipe(stream));
  // A client that goes away half-way must not look like the end of a body.
  request.once('close', () => {
    if (!request.complete) stream.destroy(new Error('The client went away.'));
  });
  return { stream, length };
}

function tooLarge(most: number) {
  return refusal(
    'FLEET_PROXY_TOO_LARGE',
    `The request is larger than ${Math.floor(most / 2 ** 20)} MiB, the most that is passed on.`,
  );
}
