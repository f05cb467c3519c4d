import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { site, sitePaths } from '@bulkhead/platform/kernel';

const UP_MS = 120_000;
const STOP_MS = 20_000;

/** The program as it ships, in a process of its own, with TLS of its own authority, on loopback. */
export class Fleetd {
  readonly url: string;
  readonly stateDir: string;
  /** Where sensors dial. */
  readonly link: string;
  #child: ChildProcess | undefined;
  #cookie = '';
  readonly #dir: string;
  readonly #programs: string;

  private constructor(dir: string, programs: string, ports: { web: number; link: number }) {
    this.#dir = dir;
    this.#programs = programs;
    this.url = `https://localhost:${String(ports.web)}`;
    this.link = `127.0.0.1:${String(ports.link)}`;
    this.stateDir = join(dir, 'state');
  }

  /** @param programs folder with `fleetd.mjs`, what lies beside it, and `fleet-web` */
  static async prepare(dir: string, programs: string): Promise<Fleetd> {
    const ports = { web: await freePort(), link: await freePort() };
    const fleetd = new Fleetd(dir, programs, ports);
    await mkdir(fleetd.stateDir, { mode: 0o700 });
    // JSON is YAML.
    const config = {
      stateDir: fleetd.stateDir,
      names: ['localhost'],
      baseDomain: 'localhost',
      web: { address: '127.0.0.1', port: ports.web },
      link: { address: '127.0.0.1', port: ports.link },
      events: { natsServer: sitePaths(site()).natsServer },
      logLevel: 'warn',
    };
    await writeFile(join(dir, 'fleetd.yaml'), JSON.stringify(config), { mode: 0o600 });
    return fleetd;
  }

  /** @returns the set-up code, while nobody has set the fleet up */
  async start(): Promise<string | undefined> {
    const log = await open(join(this.#dir, 'fleetd.log'), 'a', 0o600);
    const args = [
      join(this.#programs, 'fleetd.mjs'),
      '--config',
      join(this.#dir, 'fleetd.yaml'),
      '--allow-root',
    ];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', log.fd] });
    await log.close();
    this.#child = child;
    const { stdout } = child;
    if (stdout === null) throw new Error('fleetd could not be started');
    let code: string | undefined;
    const ready = (async () => {
      for await (const line of createInterface(stdout)) {
        code ??= /Set-up code: (\S+)$/.exec(line)?.[1];
        if (line === 'Ready.') return true;
      }
      return false;
    })();
    const late = new Promise<false>((resolve) => setTimeout(resolve, UP_MS, false).unref());
    if (await Promise.race([ready, late])) {
      stdout.resume();
      return code;
    }
    await this.stop();
    throw new Error(
      `fleetd did not come up:\n${(await readFile(join(this.#dir, 'fleetd.log'), 'utf8')).slice(-2_000)}`,
    );
  }

  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    const late = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    await ended;
    clearTimeout(late);
  }

  /** Of whoever signed in last, as a browser keeps it. */
  get session(): { name: string; value: string } {
    const at = this.#cookie.indexOf('=');
    return { name: this.#cookie.slice(0, at), value: this.#cookie.slice(at + 1) };
  }

  /** Asks as the fleet's own pages do. @throws when the answer is no success */
  async ask<Reply>(method: 'GET' | 'POST', path: string, body?: unknown): Promise<Reply> {
    const ca = await readFile(join(this.stateDir, 'ca/ca.pem'), 'utf8');
    const payload = body === undefined ? undefined : JSON.stringify(body);
    const headers = {
      ...(method === 'GET' ? {} : { origin: this.url }),
      'sec-fetch-site': 'same-origin',
      cookie: this.#cookie,
      ...(payload === undefined ? {} : { 'content-type': 'application/json' }),
    };
    return new Promise((resolve, reject) => {
      const sent = request(
        `${this.url}/api/v1${path}`,
        {
          ...{ method, ca, headers, agent: false },
          // localhost may be ::1 first.
          lookup: (_name, _options, found) => {
            found(null, [{ address: '127.0.0.1', family: 4 }]);
          },
        },
        (reply) => {
          const [cookie] = reply.headers['set-cookie'] ?? [];
          if (cookie !== undefined) this.#cookie = cookie.split(';', 1)[0] ?? '';
          let text = '';
          reply.setEncoding('utf8');
          reply.on('data', (part: string) => (text += part));
          reply.on('error', reject);
          reply.on('end', () => {
            const status = reply.statusCode ?? 0;
            if (status >= 300)
              reject(new Error(`${method} ${path} was answered with ${String(status)}: ${text}`));
            else resolve(JSON.parse(text) as Reply);
          });
        },
      );
      sent.on('error', reject);
      sent.end(payload);
    });
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port is free');
  return address.port;
}
