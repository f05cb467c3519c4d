import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from '@bulkhead/platform/kernel';
import { openCable, type Cable } from '../fleet/cable.ts';
import { FleetdProgram } from '../fleet/fleetd-program.ts';

const FLEETD = fileURLToPath(new URL('../../../build/fleetd.mjs', import.meta.url));
const UP_MS = 60_000;

/** The program that people install, as a process of its own, with TLS of its own CA on loopback. */
export interface FleetdProcess {
  readonly url: string;
  /** What it printed for the first person, when it last started. */
  readonly setUpCode: string | undefined;
  /** Between the sensors and their port of the fleet. */
  readonly link: Cable;
  start(): Promise<void>;
  /** In order, as a service manager ends it. */
  end(): Promise<void>;
  /** A short command of the program, such as `backup FILE`. @returns what it printed */
  command(...args: readonly string[]): Promise<string>;
  /** Removes everything that it keeps. */
  destroyState(): Promise<void>;
  /** A path beside its state folder. */
  path(name: string): string;
  log(): Promise<string>;
  /** Ends it and removes every trace, also after a failure. */
  remove(): Promise<void>;
}

export async function startFleetd(): Promise<FleetdProcess> {
  const dir = await mkdtemp(join(tmpdir(), 'bulkhead-door-'));
  const ports = await FleetdProgram.ports();
  const link = await openCable(ports.link);
  const program = new FleetdProgram({
    dir,
    program: FLEETD,
    nodeArguments: ['--enable-source-maps'],
    upMs: UP_MS,
  });
  let setUpCode: string | undefined;
  const fleetd: FleetdProcess = {
    url: `https://localhost:${String(ports.web)}/`,
    get setUpCode() {
      return setUpCode;
    },
    link,
    start: async () => {
      setUpCode = undefined;
      setUpCode = await program.start();
    },
    end: () => program.stop(),
    command: async (...args) => {
      const all = [FLEETD, ...args, '--config', program.configFile];
      return (await run(process.execPath, all, { timeoutMs: 60_000 })).stdout;
    },
    destroyState: () => rm(program.stateDir, { recursive: true }),
    path: (name) => program.path(name),
    log: () => program.log(),
    remove: async () => {
      await program.stop();
      await link.dispose();
      await rm(dir, { recursive: true, force: true, maxRetries: 5 });
    },
  };
  try {
    await program.configure(ports, { linkAddress: link.address });
    await fleetd.start();
  } catch (error) {
    await fleetd.remove();
    throw error;
  }
  return fleetd;
}
