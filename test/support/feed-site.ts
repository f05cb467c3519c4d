import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeAuthority } from './download-source.ts';

/** An HTTPS server and a DNS server of one test, in networks that the test gives. */
export interface FeedSite {
  /** PEM of the authority that the server's certificate is by. */
  readonly ca: string;
  /** What `/feed.txt` holds from now on. */
  publish(text: string): Promise<void>;
  /** Paths that were asked for so far, with the validator that came along. */
  requests(): string[];
  close(): void;
}

/**
 * `/feed.txt` is a file with an entity tag, `/away` leads to the metadata address, `/endless` never ends.
 * @param dns Address of the loopback network for the names, which nobody else uses.
 * @param names Name -> addresses.
 */
export async function openFeedSite(site: {
  folder: string;
  namespace: string;
  port: number;
  hosts: readonly string[];
  dns: string;
  names: Readonly<Record<string, readonly string[]>>;
}): Promise<FeedSite> {
  const { folder, namespace, port, hosts, dns, names } = site;
  const authority = await makeAuthority(folder, 'site');
  const { key, cert } = await authority.issue(hosts);
  const [file, keyFile, certFile] = ['feed.txt', 'site-key', 'site-cert'].map((name) => join(folder, name));
  const publish = (text: string) => writeFile(file ?? '', text);
  await Promise.all([publish('first'), writeFile(keyFile ?? '', key), writeFile(certFile ?? '', cert)]);
  const children: ChildProcess[] = [];
  const server = spawn(
    'ip',
    [
      ...['netns', 'exec', namespace, process.execPath, '-e', SERVER],
      ...[String(port), keyFile ?? '', certFile ?? '', file ?? ''],
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  children.push(server);
  let text = '';
  await once(server.stdout, 'data');
  server.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  children.push(
    spawn(
      'dnsmasq',
      [
        ...['--keep-in-foreground', '--conf-file=/dev/null', '--pid-file=', '--user=root', '--no-resolv'],
        ...['--no-hosts', '--bind-interfaces', '--except-interface=lo', `--listen-address=${dns}`],
        ...Object.entries(names).flatMap(([name, addresses]) =>
          addresses.map((address) => `--host-record=${name},${address}`),
        ),
        '--local=/example/',
      ],
      { stdio: 'ignore' },
    ),
  );
  return {
    ca: authority.pem,
    publish,
    requests: () => text.split('\n').filter((line) => line !== ''),
    close: () => {
      for (const child of children) child.kill('SIGKILL');
    },
  };
}

const SERVER = `
const [port, key, cert, file] = process.argv.slice(1);
const { readFileSync } = require('node:fs');
const { createHash } = require('node:crypto');
const answer = (request, response) => {
  response.on('error', () => {});
  console.log(request.url + ' ' + (request.headers['if-none-match'] ?? ''));
  if (request.url === '/away') return response.writeHead(302, { location: 'https://169.254.169.254:443/latest/' }).end();
  if (request.url === '/endless') {
    const flood = () => { while (!response.destroyed && response.write(Buffer.alloc(65536, 120))); };
    response.on('drain', flood);
    return flood();
  }
  const body = readFileSync(file);
  const etag = '"' + createHash('sha256').update(body).digest('hex') + '"';
  if (request.headers['if-none-match'] === etag) return response.writeHead(304, { etag }).end();
  response.writeHead(200, { etag, 'content-length': body.length }).end(body);
};
require('node:https').createServer({ key: readFileSync(key), cert: readFileSync(cert) }, answer)
  .on('tlsClientError', () => {})
  .listen(Number(port), '0.0.0.0', () => console.log('up'));
`;
