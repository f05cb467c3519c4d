import type { FleetStatus } from '../../fleet-link/index.ts';
import type { SensorClient } from '../client.ts';
import { topic, type CommandGroup, type GlobalOptions } from '../command-group.ts';
import { EXIT } from '../exit-codes.ts';
import { askSecret } from '../secret-prompt.ts';
import { table } from '../wording.ts';

interface JoinOptions {
  proxy?: string;
  name?: string;
  replace?: boolean;
}

const STATES: Readonly<Record<FleetStatus['state'], string>> = Object.freeze({
  none: 'belongs to no fleet',
  connecting: 'connecting',
  up: 'connected',
  clock: 'waiting for the clock to be right',
  returning: 'waiting to be let in again',
  refused: 'not let in',
});

/** What a person at the sensor does about its fleet; what is done at the fleet is in `fleet-client.ts`. */
export const fleetCommands: CommandGroup = ({ program, action }) => {
  const fleet = topic(
    program,
    'fleet',
    'the fleet: join one with this sensor, or work at one from a terminal',
  );
  fleet
    .command('join')
    .argument('<token>', 'CODE@HOST:PORT#FINGERPRINT as the fleet shows it; - reads it from standard input')
    .description('join a fleet with this sensor; the key is made here and never leaves it')
    .option('--proxy <url>', 'reach the fleet through this HTTP proxy: http://[user:password@]host:port')
    .option('--name <name>', 'a name that the fleet takes for the sensor when it is free')
    .option('--replace', 'leave the fleet that the sensor belongs to')
    .addHelpText(
      'after',
      `
A token works once and for a short time. The same token again changes nothing. The sensor needs no open port: it dials out to
the two ports of the fleet, through the proxy where one is named, and works on when the fleet cannot be reached.`,
    )
    .action(action(join));
  fleet
    .command('status')
    .description('which fleet this sensor belongs to, how the link stands, until when')
    .action(action(status));
  fleet
    .command('leave')
    .description(
      'leave the fleet with this sensor: the key is destroyed, what the fleet configured stays in force',
    )
    .action(action(leave));
};

async function join(
  client: SensorClient,
  options: GlobalOptions,
  given: string,
  { proxy, name, replace = false }: JoinOptions,
): Promise<number> {
  const token = given === '-' ? (await askSecret('Join token: ', 'join token')).toString('utf8') : given;
  const answer = (await client.post('/fleet/join', {
    token,
    replace,
    ...(proxy === undefined ? {} : { proxy }),
    ...(name === undefined ? {} : { name }),
  })) as FleetStatus & { joined: boolean };
  const sentence = answer.joined ? 'joined the fleet' : 'belongs to the fleet already, by this very token:';
  say(
    options,
    answer,
    `the sensor ${sentence} at ${answer.fleet ?? ''} as ${answer.sensor ?? ''}; it connects by itself\n`,
  );
  return EXIT.ok;
}

async function status(client: SensorClient, options: GlobalOptions): Promise<number> {
  const answer = (await client.get('/fleet')) as FleetStatus;
  say(options, answer, statusText(answer));
  return answer.state === 'up' || answer.state === 'none' ? EXIT.ok : EXIT.failed;
}

async function leave(client: SensorClient, options: GlobalOptions): Promise<number> {
  const answer = (await client.post('/fleet/leave')) as { left: string };
  say(
    options,
    answer,
    `the sensor left its fleet (it was ${answer.left} there); what the fleet configured stays in force\n`,
  );
  return EXIT.ok;
}

function say(options: GlobalOptions, value: unknown, text: string): void {
  process.stdout.write(options.json === true ? `${JSON.stringify(value)}\n` : text);
}

function statusText(answer: FleetStatus): string {
  const { state, since, error, config, certificate } = answer;
  if (state === 'none') {
    return 'The sensor belongs to no fleet. `bulkhead fleet join TOKEN` joins one; the fleet makes the token.\n';
  }
  const rows = [
    ['link', `${STATES[state]} since ${since}`],
    ['fleet', `${answer.fleet ?? ''}${answer.fleetVersion === undefined ? '' : ` (${answer.fleetVersion})`}`],
    ['dials', `${answer.link ?? ''}${answer.proxy === undefined ? '' : ` through ${answer.proxy}`}`],
    ['sensor', `${answer.sensor ?? ''}, joined ${answer.joinedAt ?? ''}`],
    ...(certificate === undefined
      ? []
      : [['certificate', `until ${certificate.notAfter}, renewed from ${certificate.renewAt} on`]]),
    ...(config === undefined ? [] : [['configuration', configText(config)]]),
    ...(answer.lastUp === undefined || state === 'up' ? [] : [['last link', answer.lastUp]]),
    ...(answer.nextTry === undefined || state === 'up' ? [] : [['next try', answer.nextTry]]),
  ];
  const trouble =
    error === undefined
      ? ''
      : `\n  ! ${error.code}: ${error.message}\n${error.hint === undefined ? '' : `    ${error.hint}\n`}`;
  return `${table(rows)}\n${trouble}`;
}

function configText({ revision, state, inForce, code, message }: NonNullable<FleetStatus['config']>): string {
  const number = `revision ${String(revision)} of the fleet`;
  if (state === 'applied') return `${number} is in force`;
  if (state === 'applying') return `${number} is being brought in force`;
  const now = inForce === 0 ? 'none of the fleet is in force' : `${String(inForce)} is in force`;
  return `${number} was refused (${code ?? ''}: ${message ?? ''}); ${now}`;
}
