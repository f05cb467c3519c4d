import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** Folders and files of one instrument; everything but `persistent` is gone after a stop. */
export interface Layout {
  /** The app's read-only `files/`. */
  filesDir: string;
  /** The operator's rule files, placed by the platform. */
  resourcesDir: string;
  persistentDir: string;
  /** suricata.yaml and the generations of rules: Suricata reads it. */
  configDir: string;
  /** Pipe and command socket: Suricata writes here and nowhere else. */
  runDir: string;
  /** For tests of rules. */
  scratchDir: string;
  configPath: string;
  evePath: string;
  commandSocket: string;
  /** The ruleset that ran last without complaint. */
  lastGoodPath: string;
  /** The `suricata` program. */
  program: string;
}

/** Names the places. */
export function layOut(
  dirs: { filesDir: string; resourcesDir: string; persistentDir: string; transientDir: string },
  program = '/usr/bin/suricata',
): Layout {
  const configDir = join(dirs.transientDir, 'config');
  const runDir = join(dirs.transientDir, 'run');
  return Object.freeze({
    filesDir: dirs.filesDir,
    resourcesDir: dirs.resourcesDir,
    persistentDir: dirs.persistentDir,
    configDir,
    runDir,
    scratchDir: join(dirs.transientDir, 'scratch'),
    configPath: join(configDir, 'suricata.yaml'),
    evePath: join(runDir, 'eve.pipe'),
    commandSocket: join(runDir, 'command.sock'),
    lastGoodPath: join(dirs.persistentDir, 'last-good-ruleset.json'),
    program,
  });
}

/** Empties and makes the transient folders. */
export async function prepareFolders(layout: Layout): Promise<void> {
  for (const dir of [layout.configDir, layout.runDir, layout.scratchDir]) {
    await rm(dir, { recursive: true, force: true });
    await mkdir(dir, { recursive: true, mode: 0o700 });
  }
}
