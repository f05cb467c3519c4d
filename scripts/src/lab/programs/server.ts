import { readFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { Server } from 'node:net';
import { join } from 'node:path';
import { PORTS } from '../layout.ts';
import { listenForCommands, say } from './commands.ts';
import { startLineServers } from './line-servers.ts';
import { answerSite } from './site-pages.ts';

const [dir = '.'] = process.argv.slice(2);
const listen = (server: Server, port: number) =>
  new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host: '::' }, resolve);
  });

const tls = { cert: readFileSync(join(dir, 'server.crt')), key: readFileSync(join(dir, 'server.key')) };
await Promise.all([
  listen(createHttpServer({ requestTimeout: 20_000 }, answerSite), PORTS.http),
  listen(createHttpsServer({ ...tls, requestTimeout: 20_000 }, answerSite), PORTS.tls),
  startLineServers(),
]);
listenForCommands(() => {
  throw new Error('the server takes no commands');
});
say({ ready: true });
