import { readFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import { FleetdProgram } from '../../support/fleet/fleetd-program.ts';

const UP_MS = 120_000;

/** A fleet as it is installed, and a person who is signed in there. */
export class Fleetd {
  readonly url: string;
  /** Where sensors dial. */
  readonly link: string;
  readonly #program: FleetdProgram;
  #cookie = '';

  private constructor(program: FleetdProgram, ports: { web: number; link: number }) {
    this.#program = program;
    this.url = `https://localhost:${String(ports.web)}`;
    this.link = `127.0.0.1:${String(ports.link)}`;
  }

  /** @param programs folder with `fleetd.mjs`, what lies beside it, and `fleet-web` */
  static async prepare(dir: string, programs: string): Promise<Fleetd> {
    const program = new FleetdProgram({ dir, program: join(programs, 'fleetd.mjs'), upMs: UP_MS });
    const ports = await FleetdProgram.ports();
    await program.configure(ports, { logLevel: 'warn' });
    return new Fleetd(program, ports);
  }

  get stateDir(): string {
    return this.#program.stateDir;
  }

  /** @returns the set-up code, while nobody has set the fleet up */
  start(): Promise<string | undefined> {
    return this.#program.start();
  }

  stop(): Promise<void> {
    return this.#program.stop();
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
