import { Command, CommanderError, Option } from 'commander';
import { BulkheadError, site, sitePaths } from '../kernel/index.ts';
import { sensorClient } from './client.ts';
import type { CommandWork, GlobalOptions } from './command-group.ts';
import { COMMAND_GROUPS } from './commands/index.ts';
import { doctorCommand } from './doctor.ts';
import { EXIT, exitCodeOf } from './exit-codes.ts';

/** The `bulkhead` command. @returns the exit code; prints to standard output and error. */
export async function main(argv: readonly string[]): Promise<number> {
  const program = new Command('bulkhead')
    .description('Looks at and steers the sensor on this machine, and a fleet from anywhere.')
    .addOption(
      new Option('--socket <path>', 'where sensord listens')
        .default(sitePaths(site()).sensordSocket)
        .env('BULKHEAD_SOCKET'),
    )
    .option('--json', 'print JSON (events: one object per line)')
    .addHelpText(
      'after',
      `\nExit codes: 0 fine, 1 something is wrong, 2 wrong usage, 3 no sensor (or fleet) answers, 4 no such thing.`,
    )
    .exitOverride()
    .configureHelp({ showGlobalOptions: true });
  let exitCode: number = EXIT.ok;
  const action =
    (work: CommandWork) =>
    async (...args: unknown[]) => {
      const options = (args.at(-1) as Command).optsWithGlobals<GlobalOptions>();
      const client = sensorClient(options.socket);
      try {
        exitCode = await work(client, options, ...(args.slice(0, -1) as never[]));
      } finally {
        await client.close();
      }
    };
  for (const add of COMMAND_GROUPS) add({ program, action });
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
