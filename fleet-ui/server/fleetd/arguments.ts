import { parseArgs } from 'node:util';
import { BulkheadError } from '@bulkhead/platform/kernel';

/** What fleetd was told on its command line. */
export interface FleetdArguments {
  configFile: string;
  allowRoot: boolean;
}

const USAGE = `Usage: fleetd --config FILE [--allow-root]

  --config FILE      the configuration (YAML or JSON; an empty file: all defaults)
  --allow-root       run as root all the same; fleetd needs no right of root

SIGTERM and SIGINT end fleetd. Sensors go on recording, and forward what was kept when it is back.
`;

/** Parses the command line. @returns the usage text when help was asked for. @throws BulkheadError FLEET_FLEETD_USAGE */
export function parseArguments(argv: readonly string[]): FleetdArguments | string {
  let values;
  try {
    ({ values } = parseArgs({
      args: [...argv],
      options: {
        config: { type: 'string' },
        'allow-root': { type: 'boolean', default: false },
        help: { type: 'boolean', default: false, short: 'h' },
      },
    }));
  } catch (cause) {
    throw usage(cause instanceof Error ? cause.message : String(cause));
  }
  if (values.help) return USAGE;
  if (values.config === undefined) throw usage('--config is needed');
  return { configFile: values.config, allowRoot: values['allow-root'] };
}

function usage(message: string): BulkheadError {
  return new BulkheadError({ code: 'FLEET_FLEETD_USAGE', message, hint: 'See fleetd --help.' });
}
