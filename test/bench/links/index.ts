import { generateKeyPairSync } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ChildProcess } from 'node:child_process';
import { fromSeed } from '@nats-io/nkeys';
import { Ca } from '@bulkhead/fleet-server/ca';
import { openLog, run, site, sitePaths } from '@bulkhead/platform/kernel';
import { userSeed } from '../../../platform/bus/nkey-seed.ts';
import { adopt } from '../../support/fleet/adopt.ts';
import { testSensorId } from '../../support/fleet/sensor-ids.ts';
import type { Bench, BenchContext, Measurement } from '../result.ts';
import { endProcess, startEnd, told, type BenchSensor, type FleetIsAsked } from './parts.ts';

export { fleetEnd } from './fleet-end.ts';
export { sensorsEnd } from './sensors-end.ts';

const SENSORS = Number(process.env['BULKHEAD_BENCH_SENSORS'] ?? 1_000);
const PROCESSES = 4;
const IDLE_MS = Number(process.env['BULKHEAD_BENCH_IDLE_S'] ?? 30) * 1_000;
const ATTACH_MS = 240_000;
const LOOK_MS = 100;
/** Attached all, and none lost for so long: settled. */
const CALM_MS = 4_000;
/** Of sysconf(_SC_CLK_TCK), which Linux shows to programs. */
const TICKS_PER_S = 100;

/** Sensors that are attached and idle, and all of them coming back at once. */
export const bench: Bench = {
  name: 'links',
  title:
    'one fleet holding 1,000 idle sensors (real gRPC, real NATS leaf links): memory, processor time, and all of them coming back',
  timeoutMs: 900_000,
  run: measure,
};

async function measure(context: BenchContext): Promise<Measurement> {
  const { signal, progress } = context;
  const dir = await mkdtemp(join(tmpdir(), 'bulkhead-links-'));
  const natsServer = sitePaths(site()).natsServer;
  const children: ChildProcess[] = [];
  const bundle = fileURLToPath(import.meta.url);
  let fleet: FleetProcess | undefined;
  try {
    progress(`making ${String(SENSORS)} keys and certificates`);
    const { ca, files } = await makeSensors(dir);
    fleet = await FleetProcess.start(bundle, { dir, port: 0, natsServer }, signal);
    const { port } = fleet;
    const alone = await fleet.memoryMib();
    progress(`the fleet runs with ${alone.toFixed(0)} MiB; sensors attach`);
    const began = performance.now();
    for (const file of files) {
      children.push(startEnd(bundle, 'sensorsEnd', { address: `127.0.0.1:${String(port)}`, ca, file }));
    }
    const attachS = (await fleet.settled(began, signal)) / 1_000;
    progress(`all attached after ${attachS.toFixed(1)} s; idle for ${String(IDLE_MS / 1_000)} s`);
    const before = { cpu: await fleet.cpuMs(), counts: await fleet.counts(signal) };
    await sleep(IDLE_MS, undefined, { signal });
    const after = { cpu: await fleet.cpuMs(), counts: await fleet.counts(signal) };
    const idleMib = await fleet.memoryMib();
    progress(`${idleMib.toFixed(0)} MiB idle; the fleet is killed and started again`);
    await fleet.kill();
    fleet = await FleetProcess.start(bundle, { dir, port, natsServer }, signal);
    const stormS = (await fleet.settled(performance.now(), signal)) / 1_000;
    const peakMib = Math.max(fleet.peakMib, await fleet.memoryMib());
    progress(`all back after ${stormS.toFixed(1)} s, at most ${peakMib.toFixed(0)} MiB`);
    const version = await run(natsServer, ['--version']);
    return {
      figures: [
        { name: 'sensors', value: SENSORS, unit: 'count' },
        { name: 'memory_idle_mib', value: idleMib, unit: 'MiB' },
        { name: 'memory_peak_mib', value: Math.max(peakMib, idleMib), unit: 'MiB' },
        { name: 'memory_per_sensor_kib', value: ((idleMib - alone) * 1_024) / SENSORS, unit: 'KiB' },
        { name: 'idle_cores', value: (after.cpu - before.cpu) / IDLE_MS, unit: 'cores' },
        { name: 'lost_while_idle', value: after.counts.detached - before.counts.detached, unit: 'count' },
        { name: 'first_attach_s', value: attachS, unit: 's' },
        { name: 'storm_settled_s', value: stormS, unit: 's' },
      ],
      targets: [
        { figure: 'memory_peak_mib', max: 1_024 },
        { figure: 'lost_while_idle', max: 0 },
        { figure: 'storm_settled_s', max: 30 },
      ],
      versions: { 'nats-server': version.stdout.trim().replace(/^nats-server: v/, '') },
      notes: [
        'memory is that of the process with link and hub client and of its nats-server, resident; sensors run in other processes of the same machine and take processor time',
        `the storm: the fleet is killed and started anew; from then until all are attached with their uplinks, and none was lost for ${String(CALM_MS / 1_000)} s (which are not counted); sensors wait 1 to 5 s before their first try, as real ones do`,
        'a simulated leaf node answers the hub’s challenge and pings; it publishes nothing',
      ],
    };
  } finally {
    await Promise.all(children.map((child) => endProcess(child)));
    await fleet?.end();
    await rm(dir, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function makeSensors(dir: string): Promise<{ ca: string; files: string[] }> {
  const ca = await Ca.open({ dir: join(dir, 'ca'), names: ['127.0.0.1'], log: openLog('links', 'error') });
  const shares: BenchSensor[][] = Array.from({ length: PROCESSES }, () => []);
  for (let n = 0; n < SENSORS; n += 1) {
    const { sensor, key, certificate } = await adopt(ca, testSensorId(n));
    shares[n % PROCESSES]?.push({ sensor, key, certificate, ...uplinkKey() });
  }
  await mkdir(join(dir, 'sensors'), { mode: 0o700 });
  const files = shares.map((_share, n) => join(dir, 'sensors', `${String(n)}.json`));
  for (const [n, share] of shares.entries()) {
    await writeFile(files[n] ?? '', JSON.stringify(share), { mode: 0o600 });
  }
  return { ca: ca.certificate, files };
}

function uplinkKey(): Pick<BenchSensor, 'uplinkPublic' | 'uplinkPrivate'> {
  const pkcs8 = generateKeyPairSync('ed25519').privateKey.export({ format: 'der', type: 'pkcs8' });
  // RFC 8410: the last 32 bytes are the seed.
  const seed = userSeed(pkcs8.subarray(-32));
  return {
    uplinkPublic: fromSeed(Buffer.from(seed)).getPublicKey(),
    uplinkPrivate: pkcs8.toString('base64'),
  };
}

/** The fleet's process, seen from outside. */
class FleetProcess {
  readonly port: number;
  readonly #child: ChildProcess;
  readonly #natsPid: number | undefined;
  /** Largest that was seen while it was looked at. */
  peakMib = 0;

  private constructor(child: ChildProcess, port: number, natsPid: number | undefined) {
    this.#child = child;
    this.port = port;
    this.#natsPid = natsPid;
  }

  static async start(
    bundle: string,
    input: { dir: string; port: number; natsServer: string },
    signal: AbortSignal,
  ): Promise<FleetProcess> {
    const child = startEnd(bundle, 'fleetEnd', input);
    try {
      const { port, natsPid } = await told(child, 'ready', signal);
      return new FleetProcess(child, port, natsPid);
    } catch (error) {
      await endProcess(child);
      throw error;
    }
  }

  async counts(signal: AbortSignal) {
    const answer = told(this.#child, 'counts', signal);
    this.#child.send({ kind: 'counts' } satisfies FleetIsAsked);
    return answer;
  }

  /** @returns milliseconds from `beganMs` until all were attached with their uplinks, none of whom was lost soon after */
  async settled(beganMs: number, signal: AbortSignal): Promise<number> {
    let since: number | undefined;
    let detached = 0;
    for (;;) {
      const counts = await this.counts(signal);
      this.peakMib = Math.max(this.peakMib, await this.memoryMib());
      const now = performance.now();
      if (counts.attached < SENSORS || counts.uplinks < SENSORS || counts.detached !== detached)
        since = undefined;
      else since ??= now;
      detached = counts.detached;
      if (since !== undefined && now - since > CALM_MS) return since - beganMs;
      if (now - beganMs > ATTACH_MS) {
        throw new Error(
          `only ${String(counts.attached)} of ${String(SENSORS)} attached and ${String(counts.uplinks)} uplinks after ${String(ATTACH_MS / 1_000)} s`,
        );
      }
      await sleep(LOOK_MS, undefined, { signal });
    }
  }

  /** Resident, of both processes. */
  async memoryMib(): Promise<number> {
    const kib = await Promise.all(
      this.#pids().map(async (pid) => {
        const status = await readFile(`/proc/${String(pid)}/status`, 'utf8');
        return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0);
      }),
    );
    return kib.reduce((sum, one) => sum + one, 0) / 1_024;
  }

  async cpuMs(): Promise<number> {
    const ticks = await Promise.all(
      this.#pids().map(async (pid) => {
        const stat = await readFile(`/proc/${String(pid)}/stat`, 'utf8');
        const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        return Number(fields[11]) + Number(fields[12]);
      }),
    );
    return (ticks.reduce((sum, one) => sum + one, 0) * 1_000) / TICKS_PER_S;
  }

  /** As when its machine loses power. Its nats-server sees that and ends. */
  async kill(): Promise<void> {
    await endProcess(this.#child);
    if (this.#natsPid === undefined) return;
    try {
      process.kill(this.#natsPid, 'SIGKILL');
    } catch {
      // It went with its parent.
    }
    await sleep(500);
  }

  async end(): Promise<void> {
    if (this.#child.connected) this.#child.send({ kind: 'end' } satisfies FleetIsAsked);
    const gone = new Promise((resolve) => this.#child.once('exit', resolve));
    await Promise.race([gone, sleep(10_000)]);
    await endProcess(this.#child);
  }

  #pids(): number[] {
    return [this.#child.pid, this.#natsPid].filter((pid) => pid !== undefined);
  }
}
