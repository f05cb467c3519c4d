import { parseArgs } from 'node:util';
import { SensorNameSchema } from '@bulkhead/fleet-api';
import { BulkheadError } from '@bulkhead/platform/kernel';

/** What fleetd was told on its command line. */
export type FleetdArguments = VerifyArguments | FleetArguments;

/** Of a file alone: no fleet is needed. */
export interface VerifyArguments {
  command: 'verify-report';
  file: string;
  key: string | undefined;
}

export type FleetArguments = { configFile: string; allowRoot: boolean } & (
  | { command: 'run'; adopt: readonly string[] }
  | { command: 'backup' | 'restore'; file: string }
  | { command: 'recover'; name: string }
);

const USAGE = `Usage: fleetd --config FILE [--allow-root] [--adopt NAME]...
       fleetd backup FILE --config FILE
       fleetd restore FILE --config FILE
       fleetd recover NAME --config FILE
       fleetd verify-report FILE [--key BASE64]

  --config FILE      the configuration (YAML or JSON; an empty file: all defaults)
  --allow-root       run as root all the same; fleetd needs no right of root
  --adopt NAME       also print a token with which the sensor on this machine joins, good once, for 15 minutes; nothing is
                     printed when there is a sensor of that name. May be given several times

  backup FILE        writes people, sensors, settings, audit log, the CA's keys and the configuration into one new file, also
                     while fleetd runs. Events and a certificate of your own are not in it. The file is not encrypted: who
                     has it can issue certificates of this fleet. It is made for its owner alone (mode 0600): keep it so.
  restore FILE       makes an empty state folder into what the backup held. Everybody has to sign in again. A configuration
                     that is missing is written too; one that is there is used and left as it is.
  recover NAME       while fleetd does not run: prints a code with which the person NAME, who lost the password, chooses a new one
  verify-report FILE checks a data report that was downloaded from the page Data, with what the sensors signed in it. --key is the
                     key of the fleet as \`GET /api/v1/data/key\` shows it; without it, only that the file is whole is proven

SIGTERM and SIGINT end fleetd. Sensors go on recording, and forward what was kept when it is back.
`;

/** Parses the command line. @returns the usage text when help was asked for. @throws BulkheadError FLEET_FLEETD_USAGE */
export function parseArguments(argv: readonly string[]): FleetdArguments | string {
  let values;
  let positionals;
  try {
    ({ values, positionals } = parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        config: { type: 'string' },
        adopt: { type: 'string', multiple: true },
        key: { type: 'string' },
        'allow-root': { type: 'boolean', default: false },
        help: { type: 'boolean', default: false, short: 'h' },
      },
    }));
  } catch (cause) {
    throw usage(cause instanceof Error ? cause.message : String(cause));
  }
  if (values.help) return USAGE;
  const { adopt = [] } = values;
  if (adopt.some((name) => !SensorNameSchema.safeParse(name).success)) {
    throw usage('--adopt needs the name of a sensor: a-z, 0-9 and -, at most 30 characters');
  }
  if (positionals[0] === 'verify-report') return verifyArguments(positionals, values);
  if (values.key !== undefined) throw usage('--key belongs to verify-report');
  if (values.config === undefined) throw usage('--config is needed');
  const common = { configFile: values.config, allowRoot: values['allow-root'] };
  const [command = 'run', file, ...more] = positionals;
  if (command === 'run' && file === undefined) return { ...common, command, adopt };
  if ((command === 'backup' || command === 'restore') && file !== undefined && more.length === 0) {
    return { ...common, command, file };
  }
  if (command === 'recover' && file !== undefined && more.length === 0)
    return { ...common, command, name: file };
  throw usage(
    ['backup', 'restore', 'recover'].includes(command)
      ? `${command} needs one ${command === 'recover' ? 'NAME' : 'FILE'}`
      : `${command} is no command`,
  );
}

function verifyArguments(
  [command, file, ...more]: readonly string[],
  { key, config }: { key?: string | undefined; config?: string | undefined },
): VerifyArguments {
  if (file === undefined || more.length > 0 || config !== undefined) {
    throw usage(`${command ?? ''} needs one FILE, and no configuration`);
  }
  return { command: 'verify-report', file, key };
}

function usage(message: string): BulkheadError {
  return new BulkheadError({ code: 'FLEET_FLEETD_USAGE', message, hint: 'See fleetd --help.' });
}
