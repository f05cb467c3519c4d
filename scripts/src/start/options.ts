import { site, type Site } from '@bulkhead/platform/kernel';
import { fleetSites, SENSORS_MOST, siteBeside } from './sites.ts';
import { Command, CommanderError, InvalidArgumentError } from 'commander';

/** What `scripts/start` was asked to do. */
export interface StartOptions {
  mode: { kind: 'lab' } | { kind: 'interface'; device: string } | { kind: 'replay'; file: string };
  /** End after an alert and a detection check have been stored. */
  once: boolean;
  json: boolean;
  /** Give up on `--once` after this long. */
  timeoutS: number;
  /** Run a fleet beside the sensor. */
  fleet: boolean;
  /** Where this run keeps its things: one for each sensor, and at least one. */
  sites: readonly [Site, ...Site[]];
}

/** Parses the command line. @returns an exit code instead when help was asked for or it is not understood. */
export function parseStartOptions(argv: readonly string[]): StartOptions | { exitCode: number } {
  const program = new Command('scripts/start')
    .description(
      'Installs what is missing and runs a sensor in the foreground: on a lab network of its own (default), on a real NIC, or on a capture file.',
    )
    .option(
      '--interface <name>',
      'watch this NIC (refused when it carries an address, a default route or your session)',
    )
    .option(
      '--replay <file>',
      'play this capture file (pcap or pcapng, Ethernet) onto a monitor interface of our own',
    )
    .option(
      '--once',
      'wait until an alert and a detection check have been stored, then take everything down',
      false,
    )
    .option('--json', 'print one JSON object on standard output (with --once)', false)
    .option('--timeout <seconds>', 'with --once: give up after this long', seconds, 240)
    .option(
      '--beside <prefix>',
      'run beside another sensor: names of 2-4 characters, folders and bus port of its own',
    )
    .option(
      '--sensors <number>',
      `run this many sensors (1-${String(SENSORS_MOST)}), each on a lab of its own, in one fleet`,
      sensors,
      1,
    )
    .option('--no-fleet', 'do not run a fleet beside the sensor (--once never does)')
    .exitOverride();
  try {
    program.parse([...argv], { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) return { exitCode: error.exitCode === 0 ? 0 : 2 };
    throw error;
  }
  const values = program.opts<{
    interface?: string;
    replay?: string;
    once: boolean;
    json: boolean;
    timeout: number;
    beside?: string;
    fleet: boolean;
    sensors: number;
  }>();
  if (values.interface !== undefined && values.replay !== undefined) {
    process.stderr.write('scripts/start: --interface and --replay exclude each other\n');
    return { exitCode: 2 };
  }
  if (values.json && !values.once) {
    process.stderr.write('scripts/start: --json needs --once (without it the sensor runs until Ctrl-C)\n');
    return { exitCode: 2 };
  }
  const unfit = unfitForSeveral(values);
  if (unfit !== undefined) {
    process.stderr.write(`scripts/start: ${unfit}\n`);
    return { exitCode: 2 };
  }
  const mode: StartOptions['mode'] =
    values.interface !== undefined
      ? { kind: 'interface', device: values.interface }
      : values.replay !== undefined
        ? { kind: 'replay', file: values.replay }
        : { kind: 'lab' };
  return {
    mode,
    once: values.once,
    json: values.json,
    timeoutS: values.timeout,
    fleet: values.fleet && !values.once,
    sites: fleetSites(values.beside === undefined ? site() : siteBeside(values.beside), values.sensors) as [
      Site,
      ...Site[],
    ],
  };
}

/** Why several sensors cannot be run with the other options; undefined: they can, or it is one. */
function unfitForSeveral(values: {
  sensors: number;
  interface?: string;
  replay?: string;
  once: boolean;
  fleet: boolean;
  beside?: string;
}): string | undefined {
  if (values.sensors === 1) return undefined;
  if (values.interface !== undefined || values.replay !== undefined)
    return '--sensors runs each sensor on a lab of its own; it cannot be combined with --interface or --replay';
  if (values.once || !values.fleet)
    return '--sensors is there to show a fleet; it cannot be combined with --once or --no-fleet';
  if ((values.beside ?? '').length > 3)
    return '--sensors puts a number behind the prefix of --beside, which may then have 3 characters at most';
  return undefined;
}

function seconds(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 10 || value > 86_400) {
    throw new InvalidArgumentError('must be a whole number of seconds from 10 to 86400');
  }
  return value;
}

function sensors(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > SENSORS_MOST) {
    throw new InvalidArgumentError(
      `must be a number from 1 to ${String(SENSORS_MOST)}: each sensor is a set of containers with a lab, and more of them show nothing new on one machine`,
    );
  }
  return value;
}
