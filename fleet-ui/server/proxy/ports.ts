import type { Database } from 'better-sqlite3';
import type { Server } from 'node:http';
import { BulkheadError, describeError, type Logger } from '@bulkhead/platform/kernel';
import type { GivenPort } from './port-address.ts';

/** Steps of this room's table, for the store. */
export const PROXY_MIGRATIONS: readonly { room: string; version: number; sql: string }[] = Object.freeze([
  {
    room: 'proxy',
    version: 1,
    sql: `
CREATE TABLE proxy_ports (
  port INTEGER PRIMARY KEY,
  sensor TEXT NOT NULL,
  instrument TEXT NOT NULL,
  UNIQUE (sensor, instrument)
) STRICT;
`,
  },
]);

type Given = Omit<GivenPort, 'range'>;

export interface PortsParts {
  db: Database;
  /** Ports that instruments may have, both included. */
  first: number;
  last: number;
  /** The address to listen on. */
  address: string;
  /** Makes the listener of one instrument, not listening yet. */
  open: (given: GivenPort) => Server;
  log: Logger;
}

/**
 * A port each, kept for good: what a person bookmarked leads to the same instrument, and never to another one.
 *
 * INVARIANTS: a port is given in one transaction; while it is given, only its own instrument is served there. Giving and listening
 * for the same instrument happen once, whoever asks at the same time.
 */
export class Ports {
  readonly #parts: PortsParts;
  readonly #listening = new Map<number, Promise<Server>>();

  constructor(parts: PortsParts) {
    this.#parts = parts;
  }

  /** Listens on all ports that were given before. One that is taken by another program hinders no other. */
  async start(): Promise<void> {
    const { db, log, first, last } = this.#parts;
    const given = db
      .prepare<[number, number], Given>('SELECT * FROM proxy_ports WHERE port BETWEEN ? AND ?')
      .all(first, last);
    for (const one of given) {
      await this.#listen(one).catch((error: unknown) => {
        log.warn({ err: error, ...one }, `the port of an instrument is not served: ${describeError(error)}`);
      });
    }
  }

  /** @returns the port on which the instrument is served from now on @throws BulkheadError FLEET_PROXY_NO_PORT */
  async portOf(sensor: string, instrument: string): Promise<number> {
    const port = this.#give(sensor, instrument);
    try {
      await this.#listen({ port, sensor, instrument });
    } catch (cause) {
      throw noPort(`Port ${port} cannot be used: ${describeError(cause)}`, cause);
    }
    return port;
  }

  async stop(): Promise<void> {
    const servers = await Promise.allSettled(this.#listening.values());
    this.#listening.clear();
    for (const opened of servers) {
      if (opened.status !== 'fulfilled') continue;
      opened.value.closeAllConnections();
      await new Promise((resolve) => opened.value.close(resolve));
    }
  }

  #give(sensor: string, instrument: string): number {
    const { db, first, last } = this.#parts;
    return db
      .transaction(() => {
        const known = db
          .prepare<[string, string], number>(
            'SELECT port FROM proxy_ports WHERE sensor = ? AND instrument = ?',
          )
          .pluck()
          .get(sensor, instrument);
        if (known !== undefined && known >= first && known <= last) return known;
        const taken = new Set(db.prepare<[], number>('SELECT port FROM proxy_ports').pluck().all());
        for (let port = first; port <= last; port += 1) {
          if (taken.has(port)) continue;
          db.prepare('INSERT OR REPLACE INTO proxy_ports (port, sensor, instrument) VALUES (?, ?, ?)').run(
            port,
            sensor,
            instrument,
          );
          return port;
        }
        throw noPort(`All ports from ${first} to ${last} are given to instruments.`);
      })
      .immediate();
  }

  #listen(given: Given): Promise<Server> {
    const known = this.#listening.get(given.port);
    if (known !== undefined) return known;
    const opening = new Promise<Server>((resolve, reject) => {
      const server = this.#parts.open({ ...given, range: this.#parts });
      server.once('error', reject);
      server.listen(given.port, this.#parts.address, () => {
        server.off('error', reject);
        resolve(server);
      });
    });
    this.#listening.set(given.port, opening);
    // The next one who asks tries again.
    opening.catch(() => this.#listening.delete(given.port));
    return opening;
  }
}

function noPort(message: string, cause?: unknown): BulkheadError {
  return new BulkheadError({
    code: 'FLEET_PROXY_NO_PORT',
    message,
    ...(cause === undefined ? {} : { cause }),
  });
}
