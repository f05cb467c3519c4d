import { resolve } from 'node:path';
import { describeError, BulkheadError, openLog, type Logger } from '@bulkhead/platform/kernel';
import { openPeople } from '../people/index.ts';
import { openStore } from '../store/index.ts';
import { parseArguments, type FleetArguments } from './arguments.ts';
import { writeBackup } from './backup.ts';
import { noteBackup } from './backup-note.ts';
import { readConfig, type FleetConfig } from './config.ts';
import { afterRestore, fleetMigrations } from './features.ts';
import { restoreBackup } from './restore.ts';
import { startFleet } from './service.ts';
import { giveBack, ownStateDir, refuseRoot } from './state-dir.ts';
import { verifyReportFile } from './verify-report.ts';

/** @returns the exit code: 0 fine, 1 wrong, 2 called wrongly. */
export async function main(argv: readonly string[]): Promise<number> {
  const code = await fleetd(argv);
  // Everything is closed; should a connection of a library linger, it must not keep a finished fleetd alive.
  setTimeout(() => process.exit(code), 2_000).unref();
  return code;
}

/** Does what the command line says; `run` until it is told to end. @returns the exit code */
export async function fleetd(argv: readonly string[]): Promise<number> {
  let log: Logger | undefined;
  try {
    const parsed = parseArguments(argv);
    if (typeof parsed === 'string') {
      process.stdout.write(parsed);
      return 0;
    }
    if (parsed.command === 'verify-report') {
      process.stdout.write(await verifyReportFile(parsed.file, parsed.key));
      return 0;
    }
    if (parsed.command !== 'run') {
      await keep(parsed);
      return 0;
    }
    const config = await readConfig(parsed.configFile);
    log = openLog('fleetd', config.logLevel);
    await serve(parsed, config, log);
    return 0;
  } catch (error) {
    if (log === undefined) process.stderr.write(`fleetd: ${describeError(error)}\n`);
    else
      log.fatal(
        { err: error, ...(error instanceof BulkheadError ? error.toJSON() : {}) },
        describeError(error),
      );
    return error instanceof BulkheadError && error.code === 'FLEET_FLEETD_USAGE' ? 2 : 1;
  }
}

/** Backup, restore, recover: short work with a word about what came of it. */
async function keep(options: Exclude<FleetArguments, { command: 'run' }>): Promise<void> {
  if (options.command === 'recover') {
    const config = await readConfig(options.configFile);
    const { code, expiresAt } = recover(config, options.name);
    await giveBack(config.stateDir);
    process.stdout.write(
      `Code for ${options.name} to choose a new password with, until ${expiresAt}: ${code}\n`,
    );
    return;
  }
  if (options.command === 'backup') {
    const { stateDir } = await readConfig(options.configFile);
    const about = await writeBackup({ stateDir, configFile: options.configFile, to: options.file });
    const { made: at, bytes } = about;
    const unnoted = await noteBackup(stateDir, { at, file: resolve(options.file), bytes });
    if (unnoted !== undefined)
      process.stderr.write(`fleetd: the fleet will not show this backup under its settings: ${unnoted}\n`);
    process.stdout.write(
      `${options.file}: ${Math.ceil(about.bytes / 1024)} KiB of the database and ${about.files} files. It holds the keys of this fleet, not encrypted.\n`,
    );
    return;
  }
  const restored = await restoreBackup({
    from: options.file,
    configFile: options.configFile,
    migrations: fleetMigrations(),
    after: afterRestore(),
  });
  process.stdout.write(
    `${restored.stateDir} is the fleet as of ${restored.made}.${restored.configWritten ? ` ${options.configFile} was written.` : ''} ` +
      'Everybody has to sign in again; sensors that renewed their certificate since then wait for a word of yours.\n',
  );
}

async function serve(
  options: Extract<FleetArguments, { command: 'run' }>,
  config: FleetConfig,
  log: Logger,
): Promise<void> {
  refuseRoot(options.allowRoot);
  await ownStateDir(config.stateDir);
  // Heard from the first moment: who ends a fleet that is still starting gets it ended as cleanly.
  const told = new Promise<string>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => resolve(signal));
  });
  const fleet = await startFleet(config, log);
  // For who started us, and no line of the log: the address, and the code while it is needed.
  process.stdout.write(`The fleet is at ${fleet.url}\n`);
  const code = fleet.setUpCode();
  if (code !== undefined) process.stdout.write(`Nobody has set it up yet. Set-up code: ${code}\n`);
  for (const name of options.adopt) {
    const token = fleet.joinToken(name);
    if (token !== undefined) process.stdout.write(`Join token of ${name}: ${token}\n`);
  }
  process.stdout.write('Ready.\n');
  log.info({ url: fleet.url }, 'the fleet is up');
  const signal = await told;
  log.info({ signal }, 'ending');
  await fleet.stop();
}

function recover(config: FleetConfig, name: string): { code: string; expiresAt: string } {
  const log = openLog('fleetd', 'warn');
  const store = openStore({ dir: config.stateDir, migrations: fleetMigrations(), log });
  try {
    return openPeople({ store, log, encrypted: !config.web.plainHttp }).recover(name);
  } finally {
    store.close();
  }
}
