import type { JournalEntry, RefusedAttempt } from '../../bus/index.ts';
import type { StoredEvent } from '../../contracts/index.ts';
import type { SearchPage } from '../../events/index.ts';
import { BulkheadError } from '../../kernel/index.ts';
import type { SensorClient } from '../client.ts';
import { topic, type CommandGroup, type GlobalOptions } from '../command-group.ts';
import { EXIT } from '../exit-codes.ts';
import { table } from '../wording.ts';
import { secondsOf } from './dns.ts';

/** Events that are asked for at once, and the most that are looked through for those that are wanted. */
const PAGE = 1_000;
const LOOKED_THROUGH = 50_000;

interface JournalOptions {
  from?: string;
  to?: string;
  command?: string;
  since?: string;
  limit: string;
}

/** Commands between instruments, and what was refused. */
export const messagesCommands: CommandGroup = ({ program, action }) => {
  const messages = topic(program, 'messages', 'commands between instruments, and what was refused');
  messages
    .command('journal')
    .description('who commanded what, when, with which result; newest first')
    .option('--from <name>', 'only what this instrument sent (platform: the sensor itself)')
    .option('--to <name>', 'only what was sent to this instrument')
    .option('--command <name>', 'only this command, e.g. ruleset.apply')
    .option('--since <time>', 'only since then: ISO 8601, or 30m, 24h, 7d ago')
    .option('--limit <count>', 'at most this many', '50')
    .addHelpText(
      'after',
      `
Sender, recipient, command and time are the server's own word. "done" and "failed" are what the recipient said of a command of
another instrument; "answered": it was answered, and the recipient did not say how. What is asked many times in a minute is
shown together, with a count.`,
    )
    .action(action(showJournal));
  messages
    .command('refused')
    .description('what instruments tried on the bus without a right, since the sensor started')
    .addHelpText(
      'after',
      `
A key that is not valid is shown by somebody who claims to be that instrument. Exit code 0 also when something was refused.`,
    )
    .action(action(showRefused));
};

async function showRefused(client: SensorClient, options: GlobalOptions): Promise<number> {
  const { attempts } = (await client.get('/bus/refused')) as { attempts: RefusedAttempt[] };
  process.stdout.write(`${options.json === true ? JSON.stringify({ attempts }) : refusedText(attempts)}\n`);
  return EXIT.ok;
}

/** Refused attempts as a table for people. Subjects are the instruments' own words: nothing in them can steer a terminal. */
export function refusedText(attempts: readonly RefusedAttempt[]): string {
  if (attempts.length === 0) return 'nothing was refused';
  const rows = attempts.map(({ instrument, operation, subject, reason, count, since, last }) => [
    instrument,
    operation,
    safe(subject) || '-',
    reason,
    String(count),
    time(since),
    time(last),
  ]);
  return table([['INSTRUMENT', 'TRIED', 'SUBJECT', 'WHY', 'COUNT', 'FIRST', 'LAST'], ...rows]);
}

async function showJournal(
  client: SensorClient,
  options: GlobalOptions,
  own: JournalOptions,
): Promise<number> {
  const limit = Number(own.limit);
  if (!Number.isInteger(limit) || limit < 1 || limit > LOOKED_THROUGH)
    throw new BulkheadError({
      code: 'CLI_USAGE',
      message: `--limit ${own.limit} is not a number from 1 to ${String(LOOKED_THROUGH)}.`,
      hint: 'See bulkhead messages journal --help.',
    });
  const found = await findMessages(client, own, limit);
  if (options.json === true) {
    for (const { time: at, record } of found)
      process.stdout.write(`${JSON.stringify({ time: at, ...record })}\n`);
  } else {
    process.stdout.write(`${journalText(found)}\n`);
  }
  return EXIT.ok;
}

async function findMessages(
  client: SensorClient,
  own: JournalOptions,
  limit: number,
): Promise<StoredEvent[]> {
  const since =
    own.since === undefined
      ? {}
      : { since: new Date(secondsOf(own.since, Date.now()) * 1_000).toISOString() };
  const found: StoredEvent[] = [];
  let cursor: string | undefined;
  for (let seen = 0; seen < LOOKED_THROUGH && found.length < limit; seen += PAGE) {
    const page = (await client.get('/search', {
      ...{ type: 'message.sent', instrument: 'platform', limit: String(PAGE), ...since },
      ...(cursor === undefined ? {} : { cursor }),
    })) as SearchPage;
    const wanted = page.events.filter(
      ({ record }) =>
        (own.from === undefined || record['from'] === own.from) &&
        (own.to === undefined || record['to'] === own.to) &&
        (own.command === undefined || record['command'] === own.command),
    );
    found.push(...wanted.slice(0, limit - found.length));
    cursor = page.cursor;
    if (cursor === undefined) break;
  }
  return found;
}

/** The journal as a table for people. */
export function journalText(events: readonly StoredEvent[]): string {
  if (events.length === 0) return 'no messages';
  const rows = events.map((event) => {
    const entry = event.record as unknown as JournalEntry;
    const code = entry.code === undefined ? '' : ` ${safe(entry.code)}`;
    const stated = entry.statedBy === undefined ? '' : ' (says the recipient)';
    const many = entry.count > 1 ? ` ×${String(entry.count)}` : '';
    return [
      time(event.time),
      entry.from,
      entry.to,
      `${entry.command}${many}`,
      `${String(entry.durationMs)} ms`,
      `${entry.outcome}${code}${stated}`,
    ];
  });
  return table([['TIME', 'FROM', 'TO', 'COMMAND', 'TOOK', 'OUTCOME'], ...rows]);
}

function time(text: string): string {
  return text.replace(/\.\d+Z$/, 'Z');
}

/** Control characters, and marks that turn the direction of text or are not seen, as `\u{…}`. */
function safe(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cn}\p{Cs}]/gu,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
}
