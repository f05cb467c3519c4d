import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { basename } from 'node:path';
import { ResourceNameSchema } from '../../contracts/index.ts';
import { BulkheadError } from '../../kernel/index.ts';
import type { SensorClient } from '../client.ts';
import { topic, type CommandGroup, type GlobalOptions } from '../command-group.ts';
import { EXIT } from '../exit-codes.ts';
import { loginName } from '../login-name.ts';
import { announcedText, placedText, resourcesText, type PlacedFile } from './resources-wording.ts';

/** What the sensor takes; a larger file is not even begun. */
const MAX_BYTES = 256 << 20;

interface ImportOptions {
  for: string;
  as?: string;
  sha256?: string;
  author: string;
}

interface ImportAnswer {
  as: string;
  bytes: number;
  sha256: string;
  changed: boolean;
  announced?: { ok: boolean; code?: string; message?: string; detail?: string };
}

/** Files among an instrument's resources: who put them there, bringing one by hand, taking one away. */
export const resourcesCommands: CommandGroup = ({ program, action }) => {
  const resources = topic(program, 'resources', 'files that instruments were given');
  resources
    .command('list')
    .argument('<instrument>', 'whose files')
    .description('every file that it was given: by whom, when, SHA-256, size')
    .action(action(list));
  resources
    .command('import')
    .argument('<file>', 'a file of this machine, e.g. on a stick')
    .requiredOption('--for <instrument>', 'who gets it')
    .option('--as <name>', 'under this name; default: the name of the file')
    .option('--sha256 <digest>', 'refuse it when it is another one')
    .option('--author <name>', 'who, for the record', loginName())
    .description('give an instrument a file, without a download')
    .addHelpText(
      'after',
      `
The file is copied; at most 256 MiB. It replaces what was delivered or imported under its name, and while it is there no instrument
can deliver another one under it: \`bulkhead resources remove\` ends that.`,
    )
    .action(action(importFile));
  resources
    .command('remove')
    .argument('<instrument>', 'whose files')
    .argument('<names...>', 'files that were delivered or imported')
    .option('--author <name>', 'who, for the record', loginName())
    .description('take files away; those of the configuration are removed there')
    .action(action(remove));
};

async function list(client: SensorClient, options: GlobalOptions, instrument: string): Promise<number> {
  const answer = (await client.get(`/resources/${encodeURIComponent(instrument)}`)) as {
    files: PlacedFile[];
  };
  say(options, answer, resourcesText(instrument, answer.files));
  return EXIT.ok;
}

async function importFile(
  client: SensorClient,
  options: GlobalOptions,
  file: string,
  own: ImportOptions,
): Promise<number> {
  const as = nameFor(file, own.as);
  const { handle, size } = await openFile(file);
  try {
    const answer = (await client.upload(
      '/resources/import',
      {
        for: own.for,
        as,
        author: own.author,
        bytes: String(size),
        ...(own.sha256 === undefined ? {} : { sha256: own.sha256.toLowerCase() }),
      },
      handle.createReadStream({ autoClose: false, highWaterMark: 1 << 20 }),
    )) as ImportAnswer;
    say(options, answer, placedText(own.for, answer));
    return answer.announced?.ok === false ? EXIT.failed : EXIT.ok;
  } finally {
    await handle.close();
  }
}

async function remove(
  client: SensorClient,
  options: GlobalOptions,
  instrument: string,
  names: string[],
  own: { author: string },
): Promise<number> {
  const answer = (await client.post('/resources/remove', {
    instrument,
    files: names,
    author: own.author,
  })) as Pick<ImportAnswer, 'announced'>;
  say(
    options,
    answer,
    `removed from ${instrument}: ${names.join(', ')}\n${announcedText(instrument, answer.announced)}`,
  );
  return answer.announced?.ok === false ? EXIT.failed : EXIT.ok;
}

/** The file as it is found: a regular one of at most 256 MiB. */
async function openFile(file: string): Promise<{ handle: FileHandle; size: number }> {
  let handle: FileHandle;
  try {
    // NONBLOCK: a FIFO must not hang the command.
    handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    throw unreadable(file, cause instanceof Error ? cause.message : String(cause), cause);
  }
  const facts = await handle.stat();
  const fault = !facts.isFile()
    ? 'it is not a regular file'
    : facts.size > MAX_BYTES
      ? 'it is larger than 256 MiB'
      : undefined;
  if (fault === undefined) return { handle, size: facts.size };
  await handle.close();
  throw unreadable(file, fault);
}

function nameFor(file: string, as: string | undefined): string {
  const name = as ?? basename(file).toLowerCase();
  if (ResourceNameSchema.safeParse(name).success) return name;
  throw new BulkheadError({
    code: 'CLI_USAGE',
    message: `${JSON.stringify(name)} cannot be the name of the file for the instrument.`,
    hint: 'Give it one with --as: 1-63 characters of a-z, 0-9, ., _ and -.',
  });
}

function unreadable(file: string, why: string, cause?: unknown): BulkheadError {
  return new BulkheadError({
    code: 'CLI_FILE_UNREADABLE',
    message: `${file} cannot be imported: ${why}.`,
    hint: 'Name a regular file of at most 256 MiB.',
    fields: { file },
    ...(cause === undefined ? {} : { cause }),
  });
}

function say(options: GlobalOptions, value: unknown, text: string): void {
  process.stdout.write(options.json === true ? `${JSON.stringify(value)}\n` : text);
}
