import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { join } from 'node:path';
import { ADDRESSES, HOSTS, PORTS, RULE_PATHS } from '../layout.ts';
import { listenForCommands, say } from './commands.ts';

/** The rule source: an index in suricata-update's format, and one archive whose edition changes on command. */
const [dir = '.'] = process.argv.slice(2);
const read = (name: string): Buffer => readFileSync(join(dir, name));

const INDEX = Buffer.from(`version: 1
sources:
  lab/rules:
    summary: Rules of the lab
    description: Rules for what the lab's attacker does
    vendor: Bulkhead lab
    license: Apache-2.0
    url: https://${HOSTS.rules}${RULE_PATHS.archive}
`);
let archive = read('rules/first.tar.gz');

function send(response: ServerResponse, type: string, body: Buffer, known: string | undefined): void {
  const etag = `"${createHash('sha256').update(body).digest('hex').slice(0, 32)}"`;
  const headers = { ETag: etag, 'Cache-Control': 'no-cache' };
  if (known === etag) {
    response.writeHead(304, headers).end();
  } else {
    response.writeHead(200, { ...headers, 'Content-Type': type, 'Content-Length': body.length }).end(body);
  }
}

const server = createServer({ cert: read('rules.crt'), key: read('rules.key') }, (request, response) => {
  request.resume();
  const known = request.headers['if-none-match'];
  if (request.url === RULE_PATHS.index) send(response, 'text/yaml', INDEX, known);
  else if (request.url === RULE_PATHS.archive) send(response, 'application/gzip', archive, known);
  else response.writeHead(404).end();
});
listenForCommands((command) => {
  archive = read(`rules/${String(command.kind)}.tar.gz`);
});
await new Promise<void>((resolve, reject) => {
  server.once('error', reject);
  server.listen({ port: PORTS.tls, host: ADDRESSES.source.ip4 }, resolve);
});
say({ ready: true });
