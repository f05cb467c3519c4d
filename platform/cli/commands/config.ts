import { setTimeout as sleep } from 'node:timers/promises';
import { readFile, stat } from 'node:fs/promises';
import { text as textOf } from 'node:stream/consumers';
import { BulkheadError, type ErrorCode } from '../../kernel/index.ts';
import type { SensorClient } from '../client.ts';
import { topic, type CommandGroup, type GlobalOptions } from '../command-group.ts';
import { EXIT } from '../exit-codes.ts';
import { loginName } from '../login-name.ts';
import {
  differencesText,
  historyText,
  planText,
  type ForeseenPlan,
  type Difference,
  type RevisionEntry,
} from './config-wording.ts';

/** sensord refuses larger ones too; here it is so that nothing larger is read into memory. */
const MAX_DOCUMENT_BYTES = 1 << 20;

interface ChangeOptions {
  reason?: string;
  author: string;
  expectRevision?: string;
  timeout?: string;
}

interface ChangeAnswer {
  id: number;
  state: 'running' | 'done' | 'failed';
  outcome?: { changed: boolean; revision: number };
  error?: { code: ErrorCode; message: string; hint?: string };
}

/** The sensor's configuration: what is in force, changing it, its history. */
export const configCommands: CommandGroup = ({ program, action }) => {
  const config = topic(program, 'config', "the sensor's configuration and its history");
  config
    .command('get')
    .description('print the document that is in force')
    .option('--revision <number>', 'print this revision instead')
    .action(action(get));
  config
    .command('apply')
    .argument('<file>', 'YAML or JSON; - reads standard input')
    .description('bring a document in force; what was healthy must get healthy again, or it is rolled back')
    .option('--reason <text>', 'why, for the history')
    .option('--author <name>', 'who, for the history', loginName())
    .option('--dry-run', 'say what would be done and what would be interrupted; change nothing')
    .option('--expect-revision <number>', 'refuse unless this revision is in force')
    .option('--timeout <seconds>', 'how long instruments may take to get healthy', '60')
    .action(action(apply));
  config
    .command('diff')
    .argument('[from]', 'a revision, or a file to compare with what is in force')
    .argument('[to]', 'a revision; without it the one in force')
    .description('what differs; without arguments: what the revision in force changed')
    .action(action(diff));
  config
    .command('rollback')
    .argument('[revision]', 'whose document is brought in force, as a new revision')
    .description('go back to an earlier revision')
    .option('--last', 'the newest that was in force before the present one')
    .option('--reason <text>', 'why, for the history')
    .option('--author <name>', 'who, for the history', loginName())
    .option('--expect-revision <number>', 'refuse unless this revision is in force')
    .option('--timeout <seconds>', 'how long instruments may take to get healthy', '60')
    .action(action(rollback));
  config
    .command('history')
    .description('all revisions: who, when, why, and what became of each')
    .action(action(history));
};

async function get(
  client: SensorClient,
  options: GlobalOptions,
  own: { revision?: string },
): Promise<number> {
  const path =
    own.revision === undefined
      ? '/config'
      : `/config/revisions/${String(wholeNumber(own.revision, '--revision'))}`;
  const answer = (await client.get(path)) as { document: string };
  process.stdout.write(options.json === true ? `${JSON.stringify(answer)}\n` : answer.document);
  return EXIT.ok;
}

async function apply(
  client: SensorClient,
  options: GlobalOptions,
  file: string,
  own: ChangeOptions & { dryRun?: boolean },
): Promise<number> {
  const document = await readDocument(file);
  if (own.dryRun === true) {
    const plan = (await client.post('/config/plan', { document })) as ForeseenPlan;
    process.stdout.write(options.json === true ? `${JSON.stringify(plan)}\n` : planText(plan));
    return plan.problems.length === 0 ? EXIT.ok : EXIT.failed;
  }
  return change(client, options, '/config/apply', { document, ...changeFields(own) });
}

async function rollback(
  client: SensorClient,
  options: GlobalOptions,
  revision: string | undefined,
  own: ChangeOptions & { last?: boolean },
): Promise<number> {
  if ((revision === undefined) === (own.last !== true)) throw usage('name a revision, or give --last');
  const to = revision === undefined ? 'last' : wholeNumber(revision, 'the revision');
  return change(client, options, '/config/rollback', { to, ...changeFields(own) });
}

async function diff(
  client: SensorClient,
  options: GlobalOptions,
  from: string | undefined,
  to: string | undefined,
): Promise<number> {
  const { differences } = (await client.post('/config/diff', await diffRequest(client, from, to))) as {
    differences: Difference[];
  };
  process.stdout.write(
    options.json === true ? `${JSON.stringify(differences)}\n` : differencesText(differences),
  );
  return EXIT.ok;
}

async function diffRequest(client: SensorClient, from: string | undefined, to: string | undefined) {
  if (from === undefined) {
    const current = (await client.get('/config')) as { number: number; basedOn?: number };
    return { from: current.basedOn ?? current.number, to: current.number };
  }
  if (to !== undefined)
    return { from: wholeNumber(from, 'the first revision'), to: wholeNumber(to, 'the second') };
  return /^[0-9]+$/.test(from) ? { from: Number(from) } : { document: await readDocument(from) };
}

async function history(client: SensorClient, options: GlobalOptions): Promise<number> {
  const answer = (await client.get('/config/revisions')) as { current: number; revisions: RevisionEntry[] };
  process.stdout.write(
    options.json === true ? `${JSON.stringify(answer)}\n` : historyText(answer.revisions, answer.current),
  );
  return EXIT.ok;
}

/** Begins a change and waits for its end, however long the sensor takes. */
async function change(
  client: SensorClient,
  options: GlobalOptions,
  path: string,
  body: Record<string, unknown>,
): Promise<number> {
  let answer = (await client.post(path, body)) as ChangeAnswer;
  while (answer.state === 'running') {
    await sleep(250);
    answer = (await client.get(`/config/changes/${String(answer.id)}`)) as ChangeAnswer;
  }
  if (answer.error !== undefined) throw new BulkheadError(answer.error);
  const { changed = false, revision = 0 } = answer.outcome ?? {};
  const text = changed
    ? `revision ${String(revision)} is in force\n`
    : `nothing to do: revision ${String(revision)} is this document\n`;
  process.stdout.write(options.json === true ? `${JSON.stringify({ changed, revision })}\n` : text);
  return EXIT.ok;
}

function changeFields(own: ChangeOptions): Record<string, unknown> {
  return {
    author: own.author,
    ...(own.reason === undefined ? {} : { reason: own.reason }),
    ...(own.expectRevision === undefined
      ? {}
      : { expectRevision: wholeNumber(own.expectRevision, '--expect-revision') }),
    ...(own.timeout === undefined ? {} : { timeoutS: wholeNumber(own.timeout, '--timeout') }),
  };
}

async function readDocument(file: string): Promise<string> {
  if (file === '-') return textOf(process.stdin);
  try {
    if ((await stat(file)).size > MAX_DOCUMENT_BYTES) throw new Error('it is larger than 1 MiB');
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

function wholeNumber(text: string, what: string): number {
  if (/^[1-9][0-9]{0,8}$/.test(text)) return Number(text);
  throw usage(`${what} must be a whole number`);
}

function usage(message: string): BulkheadError {
  return new BulkheadError({
    code: 'CLI_USAGE',
    message: `${message[0]?.toUpperCase() ?? ''}${message.slice(1)}.`,
    hint: 'See `bulkhead config --help`.',
  });
}
