import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../support/nats.ts';
import type { Bench, BenchContext, Figure, Measurement } from '../result.ts';
import type { FleetOrder, FleetSaid } from './fleet.ts';
import type { LoadOrder, LoadResult } from './load.ts';
import { startNginx } from './nginx.ts';
import { bundlePrograms, start, type Running } from './program.ts';

const ROUNDS = Number(process.env['BULKHEAD_BENCH_ROUNDS'] ?? 5);
const SECONDS = 3;
const CONNECTIONS = { requests: 32, frames: 16 } as const;
/** So few that nothing waits for its turn: what is added is the way, and not a queue. */
const CONNECTIONS_FOR_LATENCY = 2;

/** Requests and frames through fleetd to an instrument, against nginx in front of the same instrument. */
export const bench: Bench = {
  name: 'proxy',
  title: "requests and WebSocket frames through fleetd to an instrument's page, against nginx",
  timeoutMs: 900_000,
  run: measure,
};

type Kind = LoadOrder['kind'];
type Way = 'nginx' | 'direct' | 'tunnel';
type Where = Pick<LoadOrder, 'to' | 'headers'>;

async function measure({ root, progress, signal }: BenchContext): Promise<Measurement> {
  const dir = await mkdtemp(join(tmpdir(), 'bench-proxy-'));
  const running: Pick<Running<unknown>, 'end'>[] = [];
  const at = places();
  try {
    const bundles = await bundlePrograms(root, ['instrument', 'load', 'fleet', 'sensor']);
    const begin = async <Out>(name: string, told: object, cpu: string) => {
      const program = await start<Out>(bundles, name, told, cpu);
      running.push(program);
      return program;
    };
    const socket = join(dir, 'rules.sock');
    await begin('instrument', { socket }, at.rest);
    const port = await freePort();
    const nginx = await startNginx(root, join(dir, 'nginx'), socket, port, at.proxy);
    running.push(nginx);
    const direct = await begin<FleetSaid>(
      'fleet',
      { dir: join(dir, 'direct'), socket } satisfies FleetOrder,
      at.proxy,
    );
    const tunnel = await begin<FleetSaid>(
      'fleet',
      { dir: join(dir, 'tunnel') } satisfies FleetOrder,
      at.proxy,
    );
    await begin('sensor', { ...tunnel.said.sensor, socket }, at.rest);
    progress('an instrument, nginx and two fleets are up');

    const ways: Readonly<Record<Way, Where>> = {
      nginx: { to: { port }, headers: direct.said.headers },
      direct: { to: { port: direct.said.port }, headers: direct.said.headers },
      tunnel: { to: { port: tunnel.said.port }, headers: tunnel.said.headers },
    };
    const load = async (kind: Kind, where: Where, connections: number, seconds = SECONDS) => {
      signal.throwIfAborted();
      const order: LoadOrder = { kind, ...where, connections, seconds };
      const program = await start<LoadResult>(bundles, 'load', order, at.rest);
      await program.end();
      return program.said;
    };

    // A fleet that runs has its code compiled.
    for (const way of Object.values(ways)) await load('requests', way, CONNECTIONS.requests);
    const rates = new Map<string, number[]>();
    for (let round = 1; round <= ROUNDS; round += 1) {
      for (const kind of ['requests', 'frames'] as const) {
        for (const way of ['nginx', 'direct', 'tunnel'] as const) {
          const { perSecond } = await load(kind, ways[way], CONNECTIONS[kind]);
          keep(rates, `${kind}_${way}`, perSecond);
        }
        const told = (['nginx', 'direct', 'tunnel'] as const).map(
          (way) => `${way} ${String(Math.round(rates.get(`${kind}_${way}`)?.at(-1) ?? 0))}`,
        );
        progress(`round ${String(round)}, ${kind}/s: ${told.join(', ')}`);
      }
    }
    const latency = new Map<string, LoadResult>();
    const bare: Where = { to: { path: socket }, headers: { Host: 'rules' } };
    for (const [name, where] of Object.entries({ bare, ...ways })) {
      latency.set(name, await load('requests', where, CONNECTIONS_FOR_LATENCY));
    }
    return {
      figures: [...ratios(rates), ...added(latency)],
      targets: [
        { figure: 'requests_direct_over_nginx', min: 0.6 },
        { figure: 'frames_direct_over_nginx', min: 0.6 },
        { figure: 'requests_tunnel_over_nginx', min: 0.3 },
        { figure: 'frames_tunnel_over_nginx', min: 0.3 },
      ],
      versions: { nginx: nginx.version },
      notes: [
        `nginx and fleetd on processor ${at.proxy}, instrument, sensor and load on ${at.rest}; median of ${String(ROUNDS)} rounds of ${String(SECONDS)} s`,
        'ratios are taken within a round, so that what else the machine does concerns both',
        'nginx checks nobody; fleetd has a session in its store, rights, origin checks and the audit log',
        'the sensor of the tunnel is the real protocol on loopback: TLS and HTTP/2 are paid for, distance is not',
      ],
    };
  } finally {
    for (const program of running.reverse()) await program.end();
    await rm(dir, { recursive: true, force: true });
  }
}

/** The proxy that is measured has a processor of its own, where there are two. */
function places(): { proxy: string; rest: string } {
  const last = cpus().length - 1;
  return last === 0 ? { proxy: '0', rest: '0' } : { proxy: String(last), rest: `0-${String(last - 1)}` };
}

function ratios(rates: ReadonlyMap<string, readonly number[]>): Figure[] {
  return (['requests', 'frames'] as const).flatMap((kind) => {
    const nginx = rates.get(`${kind}_nginx`) ?? [];
    return [
      { name: `${kind}_nginx`, value: median(nginx), unit: `${kind}/s` },
      ...(['direct', 'tunnel'] as const).flatMap((way) => {
        const ours = rates.get(`${kind}_${way}`) ?? [];
        const share = ours.map((rate, round) => rate / (nginx[round] ?? NaN));
        return [
          { name: `${kind}_${way}`, value: median(ours), unit: `${kind}/s` },
          { name: `${kind}_${way}_over_nginx`, value: median(share), unit: 'ratio' },
        ];
      }),
    ];
  });
}

/** What each way adds to asking the instrument itself. */
function added(latency: ReadonlyMap<string, LoadResult>): Figure[] {
  const bare = latency.get('bare');
  return (['nginx', 'direct', 'tunnel'] as const).flatMap((way) => {
    const through = latency.get(way);
    return (['p50Ms', 'p99Ms'] as const).map((which) => ({
      name: `${way}_added_${which.slice(0, 3)}_ms`,
      value: (through?.[which] ?? NaN) - (bare?.[which] ?? NaN),
      unit: 'ms',
    }));
  });
}

function keep(rates: Map<string, number[]>, name: string, value: number): void {
  const values = rates.get(name) ?? [];
  values.push(value);
  rates.set(name, values);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}
