import { connect as connectSocket } from 'node:net';
import type { Duplex } from 'node:stream';
import { Pool, type Dispatcher } from 'undici';
import type { Grant } from './grants.ts';
import type { Place, Ways } from './types.ts';

/** Connections to one page at once, for all people; requests beyond wait for their turn. */
const CONNECTIONS_MOST = 32;
/** The same through tunnels, for one person: as many as a browser opens, and a few. A sensor's link bears 64 tunnels. */
const TUNNELS_MOST = 8;
/** A page's server usually closes after 5 s of silence and says so; this is for those that say nothing. */
const IDLE_CONNECTION_MS = 30_000;
const IDLE_POOL_MS = 120_000;
const CONNECT_MS = 10_000;
const HEADER_BYTES_MOST = 32 * 1024;

interface Kept {
  pool: Pool;
  usedAt: number;
}

/**
 * Connections to pages, kept open between requests: making one for each request costs more than all else together.
 *
 * INVARIANTS: a connection through a tunnel serves one person only, because the sensor judged by that person when it let the
 * connection in. A connection on a socket of this machine serves everybody who may open the page. No connection is ever shared
 * by two requests at the same time (no pipelining).
 */
export class Pools {
  readonly #ways: Ways;
  readonly #kept = new Map<string, Kept>();

  constructor(ways: Ways) {
    this.#ways = ways;
  }

  /** Where to send a request of this visitor. */
  to({ place, visitor, roles }: Grant, nowMs: number): Dispatcher {
    const socket = this.#ways.socketOf(place.sensor, place.instrument);
    const key =
      socket === undefined
        ? `${place.sensor}\n${place.instrument}\n${visitor.name}\n${roles}`
        : `${place.sensor}\n${place.instrument}\n\n${socket}`;
    const kept = this.#kept.get(key);
    if (kept !== undefined) {
      kept.usedAt = nowMs;
      return kept.pool;
    }
    const pool =
      socket === undefined
        ? openPool(() => this.#openTunnel(place, visitor.name, roles), TUNNELS_MOST)
        : openPool(() => openSocket(socket), CONNECTIONS_MOST);
    this.#kept.set(key, { pool, usedAt: nowMs });
    return pool;
  }

  /** Lets go of pools that nobody used for a while. */
  tidy(nowMs: number): void {
    for (const [key, { pool, usedAt }] of this.#kept) {
      if (nowMs - usedAt < IDLE_POOL_MS || pool.stats.running + pool.stats.pending > 0) continue;
      this.#kept.delete(key);
      // What an upgrade took out of the pool lives on.
      void pool.close().catch(() => undefined);
    }
  }

  /** How many pools there are; for tests and metrics. */
  get size(): number {
    return this.#kept.size;
  }

  async close(): Promise<void> {
    const pools = [...this.#kept.values()];
    this.#kept.clear();
    await Promise.all(pools.map(({ pool }) => pool.destroy()));
  }

  async #openTunnel(place: Place, user: string, roles: string): Promise<Duplex> {
    return this.#ways.openTunnel(
      place.sensor,
      { instrumentUi: place.instrument },
      { user, roles: roles === '' ? [] : roles.split(',') },
    );
  }
}

/** Connections of one pool, made by `open`. */
export function openPool(open: () => Promise<Duplex>, connections: number): Pool {
  return new Pool('http://instrument.invalid', {
    connections,
    pipelining: 1,
    keepAliveTimeout: IDLE_CONNECTION_MS,
    maxHeaderSize: HEADER_BYTES_MOST,
    // Whoever waits is watched by the proxy, by one clock for all.
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: (_options, done) => {
      // Which of the two comes first counts; the other finds nobody.
      let isSettled = false;
      const timer = setTimeout(() => {
        isSettled = true;
        done(timedOut(), null);
      }, CONNECT_MS);
      open().then(
        (stream) => {
          clearTimeout(timer);
          if (isSettled) stream.destroy();
          // undici uses nothing of a socket that a Duplex lacks.
          else done(null, stream as Parameters<typeof done>[1] & Duplex);
        },
        (error: unknown) => {
          clearTimeout(timer);
          if (!isSettled) done(error instanceof Error ? error : new Error(String(error)), null);
        },
      );
    },
  });
}

/** One connection to a socket of this machine. */
export function openSocket(path: string): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = connectSocket({ path });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(socket);
    });
  });
}

/** How an open that takes too long is told; code as undici's own. */
function timedOut(): Error {
  return Object.assign(new Error('The connection to the page took too long.'), {
    code: 'UND_ERR_CONNECT_TIMEOUT',
  });
}
