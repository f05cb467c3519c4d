import { open, rename, rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Option, type Command } from 'commander';
import type { StoredEvent } from '../../contracts/index.ts';
import { describeEvent, type Histogram, type SearchPage } from '../../events/index.ts';
import { BulkheadError, hasCode } from '../../kernel/index.ts';
import type { SensorClient } from '../client.ts';
import { topic, type CommandGroup, type GlobalOptions } from '../command-group.ts';
import { EXIT } from '../exit-codes.ts';

/** Options that say which events; named as the API names them. */
interface FilterOptions {
  type?: string;
  instrument?: string;
  since?: string;
  until?: string;
  address?: string;
  name?: string;
  signature?: string;
  severity?: string;
  text?: string;
  flow?: string;
}

const FILTER_NAMES = [
  ...['type', 'instrument', 'since', 'until', 'address', 'name', 'signature', 'severity', 'text', 'flow'],
] as (keyof FilterOptions)[];
const PROGRESS_MS = 1_000;
const BAR = 40;

/** The event store: search, histogram, export. */
export const searchCommands: CommandGroup = ({ program, action }) => {
  const events = topic(program, 'events', 'stored events');
  filterOptions(events.command('search'))
    .description('find stored events, newest first')
    .option('--limit <count>', 'at most this many', '50')
    .option('--cursor <cursor>', 'go on behind an earlier answer')
    .action(action(search));
  filterOptions(events.command('histogram'))
    .description('count stored events over time')
    .option('--buckets <count>', 'about so many periods', '30')
    .addOption(new Option('--by <kind>', 'count by').choices(['type', 'severity']).default('type'))
    .option('--exact', 'count everything instead of estimating what is frequent')
    .action(action(showHistogram));
  filterOptions(events.command('export'))
    .description('write stored events to a file, newest first')
    .addOption(new Option('--format <format>').choices(['ndjson', 'csv']).default('ndjson'))
    .requiredOption('--output <file>', 'where to; appears only when it is whole')
    .action(action(exportEvents));
  events
    .command('accept-clock')
    .description(
      'confirm that the sensor was off for as long as its clock says, so that events expire accordingly',
    )
    .action(action(acceptClock));
};

function filterOptions(command: Command): Command {
  return command
    .option('--type <types>', 'of these types, separated by commas, e.g. alert,dns')
    .option('--instrument <name>', 'from this instrument (platform: the sensor itself)')
    .option('--since <time>', 'from this time on (ISO 8601)')
    .option('--until <time>', 'before this time (ISO 8601)')
    .option('--address <address>', 'with this address, or one of this network (10.0.0.0/8)')
    .option('--name <name>', 'with this name, or one below it (*.example.org)')
    .option('--signature <signature>', 'alerts of this signature: its id, or words of its text')
    .addOption(
      new Option('--severity <least>', 'at least so severe').choices(['info', 'low', 'medium', 'high']),
    )
    .option('--text <words>', 'with all these words; word* for a beginning')
    .option('--flow <id>', 'of this flow (flow id or Community ID)');
}

async function search(
  client: SensorClient,
  options: GlobalOptions,
  own: FilterOptions & { limit: string; cursor?: string },
): Promise<number> {
  const query = {
    ...filterQuery(own),
    limit: own.limit,
    ...(own.cursor === undefined ? {} : { cursor: own.cursor }),
  };
  const page = (await client.get('/search', query)) as SearchPage;
  if (options.json === true) {
    process.stdout.write(`${JSON.stringify(page)}\n`);
    return EXIT.ok;
  }
  for (const event of page.events) process.stdout.write(`${eventLine(event)}\n`);
  if (page.events.length === 0 && page.complete) process.stderr.write('no such events\n');
  if (!page.complete) process.stderr.write('not everything was looked through yet; go on with the cursor\n');
  if (page.cursor !== undefined) process.stderr.write(`more: --cursor ${page.cursor}\n`);
  return EXIT.ok;
}

/** With the date, because a search goes back further than a day. */
function eventLine(event: StoredEvent): string {
  return `${event.time.slice(0, 10)} ${describeEvent(event)}`;
}

async function showHistogram(
  client: SensorClient,
  options: GlobalOptions,
  own: FilterOptions & { buckets: string; by: string; exact?: boolean },
): Promise<number> {
  const query = {
    ...filterQuery(own),
    buckets: own.buckets,
    by: own.by,
    exact: own.exact === true ? '1' : '0',
  };
  const histogram = (await client.get('/search/histogram', query)) as Histogram;
  process.stdout.write(
    options.json === true ? `${JSON.stringify(histogram)}\n` : `${histogramText(histogram)}\n`,
  );
  return EXIT.ok;
}

/** One line for each bucket: time, count, a bar, what it is made of. */
export function histogramText(histogram: Histogram): string {
  const most = Math.max(1, ...histogram.buckets.map(({ total }) => total));
  const width = String(most).length;
  const lines = histogram.buckets.map(({ time, total, counts }) => {
    const bar = '#'.repeat(Math.ceil((total / most) * BAR)).padEnd(BAR);
    const kinds = Object.entries(counts)
      .sort((a, b) => b[1] - a[1])
      .map(([kind, count]) => `${kind} ${String(count)}`);
    return `${time.slice(0, 16).replace('T', ' ')}  ${String(total).padStart(width)}  ${bar}  ${kinds.join(', ')}`.trimEnd();
  });
  const from = histogram.complete
    ? ''
    : `; before ${histogram.countedFrom ?? '?'} estimated (--exact counts)`;
  return [...lines, `${String(histogram.total)} events, ${String(histogram.bucketS)} s per line${from}`].join(
    '\n',
  );
}

async function exportEvents(
  client: SensorClient,
  options: GlobalOptions,
  own: FilterOptions & { format: string; output: string },
): Promise<number> {
  const output = resolve(own.output);
  const partial = `${output}.${String(process.pid)}.partial`;
  let bytes = 0;
  try {
    // Its owner's alone: what is in it was seen on somebody's network. `wx`: never through a file that lies there.
    const file = await open(partial, 'wx', 0o600);
    try {
      let told = performance.now();
      const query = { ...filterQuery(own), format: own.format, where: output.slice(0, 300) };
      for await (const chunk of client.bytes('/search/export', query)) {
        await file.writeFile(chunk);
        bytes += chunk.length;
        if (performance.now() - told < PROGRESS_MS) continue;
        told = performance.now();
        process.stderr.write(`\r${(bytes / 1e6).toFixed(1)} MB`);
      }
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(partial, output);
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) await rm(partial, { force: true });
    throw writeFailure(error, output);
  }
  if (options.json === true) process.stdout.write(`${JSON.stringify({ output, bytes })}\n`);
  else process.stderr.write(`\r${output}: ${(bytes / 1e6).toFixed(1)} MB\n`);
  return EXIT.ok;
}

async function acceptClock(client: SensorClient, options: GlobalOptions): Promise<number> {
  await client.post('/search/accept-clock');
  process.stdout.write(
    options.json === true ? '{"accepted":true}\n' : 'accepted; old events expire with the next upkeep\n',
  );
  return EXIT.ok;
}

function filterQuery(own: FilterOptions): Record<string, string> {
  return Object.fromEntries(
    FILTER_NAMES.flatMap((name) => {
      const value = own[name];
      return value === undefined ? [] : [[name, value] as const];
    }),
  );
}

function writeFailure(error: unknown, output: string): unknown {
  const { code } = error as { code?: unknown };
  if (error instanceof BulkheadError || typeof code !== 'string' || !/^E[A-Z]+$/.test(code)) return error;
  return new BulkheadError({
    code: 'CLI_OUTPUT_FAILED',
    message: `${output} could not be written (${code}).`,
    hint: 'See that the folder exists and has room. Nothing was left under that name.',
    fields: { output },
    cause: error,
  });
}
