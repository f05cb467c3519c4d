import type { GrantChangeResult, GrantsMatrix, GrantsReport } from '../../contracts/index.ts';
import { BulkheadError } from '../../kernel/index.ts';
import type { SensorClient } from '../client.ts';
import { topic, type CommandGroup, type GlobalOptions } from '../command-group.ts';
import { EXIT } from '../exit-codes.ts';
import { loginName } from '../login-name.ts';
import { changeText, grantsText, matrixText } from './grants-wording.ts';

interface ChangeOptions {
  all?: boolean;
  reason?: string;
  author: string;
}

const RIGHTS = `
Rights are named as \`bulkhead grants show\` prints them:
  publish:alert                         publish events of this type
  read:suricata/alert                   read the alert events of the instrument suricata
  send:suricata/ruleset.apply           send this command to suricata
  egress:rules.example.org:443/tcp      reach this destination; ports 80,443; IPv6 in brackets; +private for private addresses
  download:NAME                         have this download of the package's fetched and kept fresh
  deliver:suricata                      hand files to suricata
  capability:net_raw, fetch, ui
Each change is a revision of the configuration: \`bulkhead config history\`, \`config diff\`, \`config rollback\`.`;

/** Who may do what, who gave it, and the change of it. */
export const grantsCommands: CommandGroup = ({ program, action }) => {
  const grants = topic(program, 'grants', 'what instruments ask for, and what they were given');
  grants
    .command('show')
    .argument('[instrument]', 'only this one')
    .description('what was given, by whom and why; what is asked for and not given; what has no effect')
    .action(action(show));
  grants
    .command('matrix')
    .description('who may talk to whom, with what; everything else is refused')
    .action(action(matrix));
  for (const [verb, description] of [
    ['give', 'give rights that the package of the instrument asks for'],
    ['revoke', 'take rights away; ends what uses them within a second'],
  ] as const) {
    grants
      .command(verb)
      .argument('<instrument>', 'whose rights')
      .argument('[rights...]', 'which rights')
      .description(description)
      .option('--all', verb === 'give' ? 'everything that it asks for' : 'everything that it was given')
      .option('--reason <text>', 'why, for the history')
      .option('--author <name>', 'who, for the history', loginName())
      .addHelpText('after', RIGHTS)
      .action(
        action((client, options, instrument: string, rights: string[], own: ChangeOptions) =>
          change(client, options, verb, instrument, rights, own),
        ),
      );
  }
};

async function show(
  client: SensorClient,
  options: GlobalOptions,
  instrument: string | undefined,
): Promise<number> {
  const query = instrument === undefined ? {} : { instrument };
  const report = (await client.get('/grants', query)) as GrantsReport;
  process.stdout.write(options.json === true ? `${JSON.stringify(report)}\n` : grantsText(report));
  return EXIT.ok;
}

async function matrix(client: SensorClient, options: GlobalOptions): Promise<number> {
  const answer = (await client.get('/grants/matrix')) as GrantsMatrix;
  process.stdout.write(options.json === true ? `${JSON.stringify(answer)}\n` : matrixText(answer));
  return EXIT.ok;
}

async function change(
  client: SensorClient,
  options: GlobalOptions,
  verb: 'give' | 'revoke',
  instrument: string,
  rights: readonly string[],
  own: ChangeOptions,
): Promise<number> {
  if (rights.length > 0 === (own.all === true)) {
    throw new BulkheadError({
      code: 'CLI_USAGE',
      message: 'Name rights, or give --all.',
      hint: `See \`bulkhead grants ${verb} --help\`.`,
    });
  }
  const what = own.all === true ? '--all' : rights.join(' ');
  const answer = (await client.post(`/grants/${verb}`, {
    instrument,
    ...(own.all === true ? { all: true } : { rights }),
    author: own.author,
    reason: own.reason ?? `grants ${verb} ${instrument} ${what}`,
  })) as GrantChangeResult;
  process.stdout.write(options.json === true ? `${JSON.stringify(answer)}\n` : changeText(verb, answer));
  return EXIT.ok;
}
