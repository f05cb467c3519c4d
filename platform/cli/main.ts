import { Command, CommanderError, Option } from 'commander';
import { BulkheadError, site, sitePaths } from '../kernel/index.ts';
import { sensorClient, type SensorClient } from './client.ts';
import { doctorCommand } from './doctor.ts';
import { tailEvents } from './events.ts';
import { EXIT, exitCodeOf } from './exit-codes.ts';
import { instrumentsText, statusText } from './wording.ts';

interface GlobalOptions {
  socket: string;
  json?: boolean;
}

/** The `bulkhead` command. @returns the exit code; prints to standard output and error. */
export async function main(argv: readonly string[]): Promise<number> {
  const program = new Command('bulkhead')
    .description('Looks at and steers the sensor on this machine.')
    .addOption(
      new Option('--socket <path>', 'where sensord listens')
        .default(sitePaths(site()).sensordSocket)
        .env('BULKHEAD_SOCKET'),
    )
    .option('--json', 'print JSON (events: one object per line)')
    .addHelpText(
      'after',
      `\nExit codes: 0 fine, 1 something is wrong, 2 wrong usage, 3 no sensor answers, 4 no such thing.`,
    )
    .exitOverride()
    .configureHelp({ showGlobalOptions: true });
  let exitCode: number = EXIT.ok;
  const withClient =
    (work: (client: SensorClient, options: GlobalOptions, ...rest: never[]) => Promise<number>) =>
    async (...args: unknown[]) => {
      const options = (args.at(-1) as Command).optsWithGlobals<GlobalOptions>();
      const client = sensorClient(options.socket);
      try {
        exitCode = await work(client, options, ...(args.slice(0, -1) as never[]));
      } finally {
        await client.close();
      }
    };

  program.command('status').description('the sensor at a glance').action(withClient(showStatus));
  const events = program.command('events').description('stored events');
  events
    .command('tail')
    .description('follow events as they are stored')
    .option('--type <type>', 'only this type, e.g. alert')
    .option('--instrument <name>', 'only from this instrument (platform: the sensor itself)')
    .option('--last <count>', 'first show the newest COUNT stored ones', '10')
    .option('--since <time>', 'first show all stored since this time (ISO 8601)')
    .option('--no-follow', 'end after the stored ones')
    .action(withClient(tailEvents));
  const instrument = program.command('instrument').description('instruments');
  instrument
    .command('list')
    .description('all instruments with state and health')
    .action(withClient(listInstruments));
  program
    .command('logs')
    .argument('<instrument>')
    .description('what an instrument wrote to its console')
    .option('--lines <count>', 'at most this many lines', '200')
    .action(withClient(showLog));
  program
    .command('restart')
    .argument('<instrument>')
    .description('restart an instrument; also releases one that is held')
    .action(withClient(restart));
  program
    .command('doctor')
    .description('check kernel, programs, disk and network; works without a running sensor')
    .action(async (_options: unknown, command: Command) => {
      exitCode = await doctorCommand(command.optsWithGlobals<GlobalOptions>());
    });
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return exitCode;
  } catch (error) {
    return reportFailure(error, argv.includes('--json'));
  }
}

async function showStatus(client: SensorClient, options: GlobalOptions): Promise<number> {
  const status = await client.status();
  process.stdout.write(`${options.json === true ? JSON.stringify(status) : statusText(status)}\n`);
  return status.healthy ? EXIT.ok : EXIT.failed;
}

async function listInstruments(client: SensorClient, options: GlobalOptions): Promise<number> {
  const { instruments } = await client.status();
  process.stdout.write(
    `${options.json === true ? JSON.stringify(instruments) : instrumentsText(instruments)}\n`,
  );
  return EXIT.ok;
}

async function showLog(
  client: SensorClient,
  options: GlobalOptions,
  name: string,
  own: { lines: string },
): Promise<number> {
  const lines = await client.instrumentLog(name, Number(own.lines));
  process.stdout.write(
    options.json === true ? `${JSON.stringify(lines)}\n` : lines.map((line) => `${line}\n`).join(''),
  );
  return EXIT.ok;
}

async function restart(client: SensorClient, options: GlobalOptions, name: string): Promise<number> {
  await client.restart(name);
  process.stdout.write(
    options.json === true ? `${JSON.stringify({ restarted: name })}\n` : `restarted ${name}\n`,
  );
  return EXIT.ok;
}

function reportFailure(error: unknown, asJson: boolean): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  const known = error instanceof BulkheadError ? error : internal(error);
  if (asJson) process.stdout.write(`${JSON.stringify({ error: known })}\n`);
  else {
    const hint = known.hint === undefined ? '' : `\n  ${known.hint}`;
    process.stderr.write(`${known.code}: ${known.message}${hint}\n`);
  }
  return exitCodeOf(error);
}

function internal(cause: unknown): BulkheadError {
  const message = cause instanceof Error ? cause.message : String(cause);
  return new BulkheadError({ code: 'CLI_INTERNAL', message, cause });
}
