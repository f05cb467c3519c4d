import { readFile, stat } from 'node:fs/promises';
import { BulkheadError } from '../../kernel/index.ts';
import type { SensorClient } from '../client.ts';
import { topic, type CommandGroup, type GlobalOptions } from '../command-group.ts';
import { EXIT } from '../exit-codes.ts';
import { loginName } from '../login-name.ts';
import { downloadsText, downloadText, type DownloadsAnswer } from './downloads-wording.ts';

const MAX_PEM_BYTES = 65_536;
const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

interface WhoOptions {
  author: string;
  reason?: string;
}

interface ApproveOptions extends WhoOptions {
  redirectHost: string[];
  privateAddresses?: boolean;
  sha256?: string;
  sha256Url?: string;
  signatureKey?: string;
  ca?: string;
  every?: string;
  maxMib?: string;
}

/** Files that instruments want from elsewhere: what waits for a decision, how those that are approved go. */
export const downloadsCommands: CommandGroup = ({ program, action }) => {
  const downloads = topic(program, 'downloads', 'files that instruments want from elsewhere');
  const ID = '<instrument/name>';
  downloads
    .command('list')
    .description('who wants what, what waits for approval and since when, how the approved ones go')
    .action(action(list));
  downloads
    .command('show')
    .argument(ID, 'which one')
    .description('everything about one')
    .action(action(show));
  downloads
    .command('approve')
    .argument(ID, 'which one')
    .description('let it be fetched and kept fresh; for one that is approved, give it other bounds')
    .option(
      '--redirect-host <host>',
      'a further host that redirects may lead to; may be repeated',
      several,
      [],
    )
    .option('--private-addresses', 'its hosts may have private, loopback or link-local addresses')
    .option('--sha256 <digest>', 'take only this very file')
    .option('--sha256-url <url>', 'take only what has the SHA-256 that stands there')
    .option(
      '--signature-key <file>',
      'Ed25519 public key (PEM) that the signature at <url>.sig must be valid for',
    )
    .option('--ca <file>', 'the only certificate authorities that are believed (PEM)')
    .option('--every <time>', 'how often: 30m, 12h, 7d, or once')
    .option('--max-mib <number>', 'the largest file that is taken')
    .option('--reason <text>', 'why, for the history')
    .option('--author <name>', 'who, for the history', loginName())
    .addHelpText(
      'after',
      `
An approval is a revision of the configuration (\`bulkhead config history\`); the downloader may then reach the hosts that it
names, and no others. What was said
earlier about the same address holds on: to take a bound away, revoke the download and approve it again.`,
    )
    .action(action(approve));
  for (const [verb, description] of [
    ['refuse', 'say no to what an instrument asks for, until it asks for something else'],
    ['revoke', 'take an approval back; what was delivered stays until it is removed'],
  ] as const) {
    downloads
      .command(verb)
      .argument(ID, 'which one')
      .description(description)
      .option('--reason <text>', 'why, for the history')
      .option('--author <name>', 'who, for the history', loginName())
      .action(
        action((client, options, id: string, own: WhoOptions) => decide(client, options, verb, id, own)),
      );
  }
  downloads
    .command('now')
    .argument(ID, 'which one')
    .option('--again', 'fetch and deliver the whole file also when nothing changed')
    .description('look for it at once')
    .action(action(now));
};

async function list(client: SensorClient, options: GlobalOptions): Promise<number> {
  const answer = (await client.get('/downloads')) as DownloadsAnswer;
  say(options, answer, downloadsText(answer, Date.now()));
  return EXIT.ok;
}

async function show(client: SensorClient, options: GlobalOptions, id: string): Promise<number> {
  const { instrument, name } = partsOf(id);
  const { downloads } = (await client.get('/downloads')) as DownloadsAnswer;
  const view = downloads.find((one) => one.for === instrument && one.name === name);
  if (view === undefined) {
    throw new BulkheadError({
      code: 'SENSORD_DOWNLOAD_UNKNOWN',
      message: `There is no download ${instrument}/${name}.`,
      hint: '`bulkhead downloads list` shows those that are there.',
    });
  }
  say(options, view, downloadText(view, Date.now()));
  return EXIT.ok;
}

async function approve(
  client: SensorClient,
  options: GlobalOptions,
  id: string,
  own: ApproveOptions,
): Promise<number> {
  const { redirectHost, privateAddresses, sha256, sha256Url, signatureKey, ca, every, maxMib } = own;
  const answer = (await client.post('/downloads/approve', {
    ...partsOf(id),
    ...whoOf(own),
    ...(redirectHost.length === 0 ? {} : { redirectHosts: redirectHost }),
    ...(privateAddresses === undefined ? {} : { privateAddresses }),
    ...(sha256 === undefined ? {} : { sha256: sha256.toLowerCase() }),
    ...(sha256Url === undefined ? {} : { sha256Url }),
    ...(signatureKey === undefined ? {} : { signatureKey: await readPem(signatureKey) }),
    ...(ca === undefined ? {} : { ca: await readPem(ca) }),
    ...(every === undefined ? {} : { everyS: secondsOf(every) }),
    ...(maxMib === undefined ? {} : { maxMib: wholeNumber(maxMib, '--max-mib') }),
  })) as { changed: boolean; revision: number };
  const text = answer.changed
    ? `${id} is approved: revision ${String(answer.revision)} is in force\n`
    : `${id} was approved like this already\n`;
  say(options, answer, text);
  return EXIT.ok;
}

async function decide(
  client: SensorClient,
  options: GlobalOptions,
  verb: 'refuse' | 'revoke',
  id: string,
  own: WhoOptions,
): Promise<number> {
  const answer = await client.post(`/downloads/${verb}`, { ...partsOf(id), ...whoOf(own) });
  const text =
    verb === 'refuse'
      ? `${id} is refused\n`
      : `${id} is no longer approved; \`bulkhead resources list ${partsOf(id).instrument}\` shows what it left\n`;
  say(options, answer, text);
  return EXIT.ok;
}

async function now(
  client: SensorClient,
  options: GlobalOptions,
  id: string,
  own: { again?: boolean },
): Promise<number> {
  const again = own.again === true ? { again: true } : {};
  const answer = (await client.post('/downloads/now', { ...partsOf(id), ...again })) as { started?: boolean };
  const text = answer.started === false ? 'is being fetched already' : 'is being fetched';
  say(options, answer, `${id} ${text}; \`bulkhead downloads show ${id}\` tells how it goes\n`);
  return EXIT.ok;
}

function partsOf(id: string): { instrument: string; name: string } {
  const [, instrument, name] = /^([a-z0-9-]{1,30})\/([a-z0-9-]{1,32})$/.exec(id) ?? [];
  if (instrument !== undefined && name !== undefined) return { instrument, name };
  throw usage(`${JSON.stringify(id.slice(0, 100))} is not INSTRUMENT/NAME.`);
}

function whoOf({ author, reason }: WhoOptions) {
  return { author, ...(reason === undefined ? {} : { reason }) };
}

function secondsOf(text: string): number {
  if (text === 'once') return 0;
  const [, count, unit = ''] = /^([1-9][0-9]{0,7})([smhd])$/.exec(text) ?? [];
  if (count !== undefined) return Number(count) * (UNITS[unit] ?? 1);
  throw usage(`--every ${text} is neither a span such as 12h nor "once".`);
}

function wholeNumber(text: string, what: string): number {
  if (/^[1-9][0-9]{0,5}$/.test(text)) return Number(text);
  throw usage(`${what} must be a whole number.`);
}

async function readPem(file: string): Promise<string> {
  try {
    const facts = await stat(file);
    if (!facts.isFile() || facts.size > MAX_PEM_BYTES) throw new Error('it is not a file of at most 64 KiB');
    const text = await readFile(file, 'utf8');
    if (!text.includes('-----BEGIN ')) throw new Error('there is no PEM in it');
    return text;
  } catch (cause) {
    throw new BulkheadError({
      code: 'CLI_FILE_UNREADABLE',
      message: `${file} cannot be used: ${cause instanceof Error ? cause.message : String(cause)}.`,
      hint: 'Name a PEM file.',
      fields: { file },
      cause,
    });
  }
}

function several(value: string, before: string[]): string[] {
  return [...before, value];
}

function usage(message: string): BulkheadError {
  return new BulkheadError({ code: 'CLI_USAGE', message, hint: 'See `bulkhead downloads --help`.' });
}

function say(options: GlobalOptions, value: unknown, text: string): void {
  process.stdout.write(options.json === true ? `${JSON.stringify(value)}\n` : text);
}
