import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { listening } from './listening.ts';

export interface ReceivedPost {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

export interface HttpReceiver {
  port: number;
  posts: ReceivedPost[];
  /** How it answers; default 204. */
  answer: (response: ServerResponse) => void;
  close(): Promise<void>;
}

/** Takes what is POSTed, over HTTP or with a certificate over HTTPS. */
export async function openHttpReceiver(tls?: { key: string; cert: string }): Promise<HttpReceiver> {
  const serve = (request: IncomingMessage, response: ServerResponse): void => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (part: string) => (body += part));
    request.on('end', () => {
      const { method = '', url: path = '', headers } = request;
      receiver.posts.push({ method, path, headers, body });
      receiver.answer(response);
    });
  };
  const server = tls === undefined ? createServer(serve) : createTlsServer(tls, serve);
  const { port, close } = await listening(server);
  const receiver: HttpReceiver = {
    ...{ port, close, posts: [] },
    answer: (response) => response.writeHead(204).end(),
  };
  return receiver;
}
