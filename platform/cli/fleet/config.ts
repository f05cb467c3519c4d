import { readFile, stat } from 'node:fs/promises';
import { text as textOf } from 'node:stream/consumers';
import type {
  ConfigDifference,
  ConfigPreview,
  ConfigRevision,
  DesiredConfig,
  SensorOutcome,
} from '@bulkhead/fleet-api';
import type { Command } from 'commander';
import { BulkheadError } from '../../kernel/index.ts';
import { topic, type GlobalOptions } from '../command-group.ts';
import { differencesText } from '../commands/config-wording.ts';
import { EXIT } from '../exit-codes.ts';
import { table } from '../wording.ts';
import { moment, plain, print, wholeNumber, type FleetAction, type FleetWork } from './fleet-action.ts';
import { sensorOf } from './lookup.ts';
import { outcomesText } from './sensors.ts';

interface ChangeOptions {
  reason?: string;
  expectRevision?: string;
  dryRun?: boolean;
}

/** The fleet takes no larger document. */
const DOCUMENT_BYTES_MOST = 256 << 10;

/** What the fleet wants of one sensor. */
export function configCommands(fleet: Command, act: FleetAction): void {
  const config = topic(fleet, 'config', 'the configuration that the fleet wants of a sensor');
  const of = (name: string) => config.command(name).argument('<sensor>', 'its name or id');
  of('get')
    .description('print the document: base, group and its own overrides together')
    .option('--revision <number>', 'as it was in this revision')
    .action(act(get));
  of('set')
    .argument('<file>', 'the whole document, YAML or JSON; - reads standard input')
    .description(
      "what differs from its group becomes the sensor's own; it is brought in force when the sensor is there",
    )
    .option('--reason <text>', 'why, for the history')
    .option('--expect-revision <number>', 'refuse unless this is the newest revision')
    .option('--dry-run', 'say what would change; change nothing')
    .action(act(set));
  of('diff')
    .argument('[revision]', 'what this revision changed; without: the newest')
    .description('what a revision changed, or how two differ')
    .option('--against <number>', 'compare with this revision instead of the one before')
    .action(act(diff));
  of('history').description('all revisions: who, why, and what became of each').action(act(history));
  of('rollback')
    .argument('<revision>', 'whose document is wanted again, as a new revision')
    .description('go back to an earlier revision')
    .option('--reason <text>', 'why, for the history')
    .option('--expect-revision <number>', 'refuse unless this is the newest revision')
    .action(act(rollback));
}

const get: FleetWork = async (fleet, options, given: string, own: { revision?: string }) => {
  const { id, name } = await sensorOf(fleet, given);
  if (own.revision !== undefined) {
    const number = wholeNumber(own.revision, '--revision');
    const answer = await fleet.get<{ document: string }>(`/sensors/${id}/revisions/${String(number)}`);
    print(options, answer, answer.document);
    return EXIT.ok;
  }
  const answer = await fleet.get<DesiredConfig>(`/sensors/${id}/config`);
  if (answer.document === undefined && options.json !== true)
    process.stderr.write(`the fleet wants nothing of ${name} so far: it runs what it came with\n`);
  print(options, answer, answer.document ?? '');
  return EXIT.ok;
};

const set: FleetWork = async (fleet, options, given: string, file: string, own: ChangeOptions) => {
  const { id } = await sensorOf(fleet, given);
  const document = await readDocument(file);
  if (own.dryRun === true) {
    const preview = await fleet.send<ConfigPreview>('POST', `/sensors/${id}/config/preview`, { document });
    const problem = `This would be refused: ${plain(preview.problem ?? 'it is not valid', 1000)}\n`;
    print(
      options,
      preview,
      preview.valid ? `${differencesText(preview.differences)}Nothing was changed.\n` : problem,
    );
    return preview.valid ? EXIT.ok : EXIT.failed;
  }
  return said(
    options,
    await fleet.send<SensorOutcome>('PUT', `/sensors/${id}/config`, { document, ...changeFields(own) }),
  );
};

const diff: FleetWork = async (
  fleet,
  options,
  given: string,
  revision: string | undefined,
  own: { against?: string },
) => {
  const { id, name, config } = await sensorOf(fleet, given);
  const number = revision === undefined ? config.revision : wholeNumber(revision, 'the revision');
  const against = own.against === undefined ? undefined : String(wholeNumber(own.against, '--against'));
  if (number === undefined) {
    print(options, { differences: [] }, `the fleet has no revision of ${name}\n`);
    return EXIT.ok;
  }
  const answer = await fleet.get<{ differences: ConfigDifference[] }>(
    `/sensors/${id}/revisions/${String(number)}`,
    { against },
  );
  print(options, answer, differencesText(answer.differences));
  return EXIT.ok;
};

const history: FleetWork = async (fleet, options, given: string) => {
  const { id } = await sensorOf(fleet, given);
  const answer = await fleet.get<{ revisions: ConfigRevision[] }>(`/sensors/${id}/revisions`);
  const rows = answer.revisions.map((one) => [
    String(one.number),
    moment(one.at),
    plain(one.author),
    one.restores === undefined ? one.cause : `${one.cause} to ${String(one.restores)}`,
    one.state,
    plain([one.reason, one.message].filter(Boolean).join(' - ')),
  ]);
  const head = ['REVISION', 'TIME', 'BY', 'CAUSE', 'RESULT', ''];
  print(options, answer, rows.length === 0 ? 'no revisions\n' : `${table([head, ...rows])}\n`);
  return EXIT.ok;
};

const rollback: FleetWork = async (fleet, options, given: string, revision: string, own: ChangeOptions) => {
  const { id } = await sensorOf(fleet, given);
  const number = wholeNumber(revision, 'the revision');
  const path = `/sensors/${id}/revisions/${String(number)}/rollback`;
  return said(options, await fleet.send<SensorOutcome>('POST', path, changeFields(own)));
};

function said(options: GlobalOptions, outcome: SensorOutcome): number {
  print(options, outcome, outcomesText([outcome]));
  return outcome.state === 'refused' ? EXIT.failed : EXIT.ok;
}

function changeFields({ reason, expectRevision }: ChangeOptions): Record<string, unknown> {
  return {
    ...(reason === undefined ? {} : { reason }),
    ...(expectRevision === undefined
      ? {}
      : { expectRevision: wholeNumber(expectRevision, '--expect-revision', 0) }),
  };
}

async function readDocument(file: string): Promise<string> {
  if (file === '-') return textOf(process.stdin);
  try {
    if ((await stat(file)).size > DOCUMENT_BYTES_MOST) throw new Error('it is larger than 256 KiB');
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new BulkheadError({
      code: 'CLI_FILE_UNREADABLE',
      message: `${file} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}.`,
      hint: 'Name a YAML or JSON file, or - for standard input.',
      fields: { file },
      cause,
    });
  }
}
