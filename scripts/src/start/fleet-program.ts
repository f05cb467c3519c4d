import { chmod, chown, cp, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '@bulkhead/platform/kernel';

/** Nobody's user, for a program that needs no right of root. */
const FLEET_ID = 65_231;
/** What lies beside the program. */
const PROGRAM = /^(fleetd|fleet-events-worker)\.mjs$|\.node$|^fleet-web$/;

/** fleetd where it can be run. */
export interface FleetProgram {
  file: string;
  /** The user to run as; undefined: Node.js itself cannot be run by another user. */
  owner: number | undefined;
}

/** Puts the program where a user without rights can read it: the repository may lie in somebody's home. */
export async function provideProgram(from: string, dir: string): Promise<FleetProgram> {
  const program = join(dir, 'program');
  await mkdir(dir, { recursive: true, mode: 0o755 });
  await chmod(dir, 0o755);
  await rm(program, { recursive: true, force: true });
  await mkdir(program, { mode: 0o755 });
  for (const name of await readdir(from)) {
    if (PROGRAM.test(name)) await cp(join(from, name), join(program, name), { recursive: true });
  }
  await chown(program, 0, 0);
  const file = join(program, 'fleetd.mjs');
  const id = String(FLEET_ID);
  try {
    const others = [`--reuid=${id}`, `--regid=${id}`, '--clear-groups', '--'];
    await run('setpriv', [...others, process.execPath, '--check', file]);
    return { file, owner: FLEET_ID };
  } catch {
    return { file, owner: undefined };
  }
}
