import type { PassiveDnsAnswer, PassiveDnsRecord } from '../../contracts/index.ts';
import { BulkheadError } from '../../kernel/index.ts';
import type { SensorClient } from '../client.ts';
import { topic, type CommandGroup, type GlobalOptions } from '../command-group.ts';
import { EXIT } from '../exit-codes.ts';
import { table } from '../wording.ts';

/** Records that are asked for at once. */
const PAGE = 1_000;
/** The instrument pages no further. */
const MOST = 100_000;
const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

interface LookupOptions {
  type?: string;
  since?: string;
  limit: string;
  instrument?: string;
}

/** What the sensor saw names and addresses stand for. */
export const dnsCommands: CommandGroup = ({ program, action }) => {
  topic(program, 'dns', 'DNS as it was seen on the network')
    .command('lookup')
    .argument('<name-or-address>', 'a name, "*.NAME" for all that is below it, or an address')
    .description(
      'which addresses a name had, or which names an address had, when first and last seen and how often',
    )
    .option('--type <type>', 'only records of this type, e.g. AAAA')
    .option('--since <time>', 'only what was seen since then: ISO 8601, or 30m, 24h, 7d ago')
    .option('--limit <count>', `at most this many records, up to ${String(MOST)}`, '100')
    .option('--instrument <name>', 'ask this instrument, when several answer lookups')
    .addHelpText(
      'after',
      `
With --json: one record per line in the Passive DNS Common Output Format, times in seconds since 1970.
Nothing seen is no error. What was seen a moment ago can take a second or two to be found.`,
    )
    .action(action(lookUp));
};

async function lookUp(
  client: SensorClient,
  options: GlobalOptions,
  query: string,
  own: LookupOptions,
): Promise<number> {
  const limit = countOf(own.limit);
  const asked = {
    query,
    ...(own.type === undefined ? {} : { rrtype: own.type }),
    ...(own.since === undefined ? {} : { since: String(secondsOf(own.since, Date.now())) }),
    ...(own.instrument === undefined ? {} : { instrument: own.instrument }),
  };
  const found: PassiveDnsRecord[] = [];
  let more = true;
  while (more && found.length < limit) {
    const page = (await client.get('/dns/lookup', {
      ...asked,
      limit: String(Math.min(PAGE, limit - found.length)),
      offset: String(found.length),
    })) as PassiveDnsAnswer;
    if (options.json === true)
      for (const record of page.records) process.stdout.write(`${JSON.stringify(record)}\n`);
    found.push(...page.records);
    more = page.more && page.records.length > 0;
  }
  if (options.json !== true) process.stdout.write(`${lookupText(query, found, more)}\n`);
  return EXIT.ok;
}

/** Records as a table for people. Names come from the network: what could steer a terminal is shown as its number. */
export function lookupText(query: string, records: readonly PassiveDnsRecord[], more: boolean): string {
  if (records.length === 0) return `nothing was seen of ${safe(query)}`;
  const time = (seconds: number) => new Date(seconds * 1000).toISOString().replace(/\.\d+Z$/, 'Z');
  const rows = records.map((record) => [
    safe(record.rrname),
    safe(record.rrtype),
    safe(record.rdata),
    time(record.time_first),
    time(record.time_last),
    String(record.count),
  ]);
  const text = table([['NAME', 'TYPE', 'VALUE', 'FIRST SEEN', 'LAST SEEN', 'COUNT'], ...rows]);
  return more ? `${text}\n… there are more; raise --limit` : text;
}

/** Control characters, and marks that turn the direction of text or are not seen, as `\u{…}`. */
function safe(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cn}\p{Cs}]/gu,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
}

/** @returns seconds since 1970 of an ISO 8601 time or of `7d` ago */
export function secondsOf(text: string, nowMs: number): number {
  const ago = /^(\d{1,6})([smhd])$/.exec(text);
  const seconds =
    ago === null
      ? Math.floor(Date.parse(text) / 1000)
      : Math.floor(nowMs / 1000) - Number(ago[1]) * (UNITS[ago[2] ?? 's'] ?? 1);
  if (Number.isNaN(seconds))
    throw usage(`--since ${text} is neither a time (ISO 8601) nor a span such as 24h.`);
  return Math.max(0, seconds);
}

function countOf(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1 || count > MOST) {
    throw usage(`--limit ${text} is not a number from 1 to ${String(MOST)}.`);
  }
  return count;
}

function usage(message: string): BulkheadError {
  return new BulkheadError({ code: 'CLI_USAGE', message, hint: 'See bulkhead dns lookup --help.' });
}
