import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createTcpServer, type Server } from 'node:net';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { PORTS } from '../layout.ts';
import { listenForCommands, say } from './commands.ts';
import { outsideAttacks } from './outside-attacks.ts';

const [dir = '.'] = process.argv.slice(2);
const listen = (server: Server, port: number) =>
  new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host: '::' }, resolve);
  });

/** The test file that every scanner knows (https://www.eicar.org); in two parts, so no scanner finds it in here. */
const EICAR = Buffer.from(
  ['X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD', 'ANTIVIRUS-TEST-FILE!$H+H*'].join('-'),
  'latin1',
);

const payloads = createHttpServer((request, response) => {
  request.resume();
  response.writeHead(200, { 'Content-Type': 'application/octet-stream', 'Content-Length': EICAR.length });
  response.end(EICAR);
});

const commandAndControl = createTlsServer(
  { cert: readFileSync(join(dir, 'c2.crt')), key: readFileSync(join(dir, 'c2.key')) },
  (socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.write(randomBytes(64)));
    socket.setTimeout(5_000, () => socket.destroy());
  },
);
commandAndControl.on('tlsClientError', () => undefined);

const shellSink = createTcpServer((socket) => {
  socket.on('error', () => undefined);
  socket.once('data', () => socket.write('exit\n'));
  socket.once('end', () => shellSink.emit('shell'));
  socket.setTimeout(5_000, () => socket.destroy());
});

const attacks = outsideAttacks(async () => {
  await once(shellSink, 'shell', { signal: AbortSignal.timeout(5_000) });
});
await Promise.all([
  listen(payloads, PORTS.payload),
  listen(commandAndControl, PORTS.tls),
  listen(shellSink, PORTS.shellSink),
]);
listenForCommands(async (command) => {
  const attack = attacks.get(command.kind ?? '');
  if (attack === undefined) throw new Error(`unknown attack ${String(command.kind)}`);
  await attack();
});
say({ ready: true });
