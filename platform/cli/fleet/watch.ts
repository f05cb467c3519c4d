import { open, rename, rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { AttentionItem, AuditCheck, AuditEntry, Sensor } from '@bulkhead/fleet-api';
import { Option, type Command } from 'commander';
import { BulkheadError } from '../../kernel/index.ts';
import { EXIT } from '../exit-codes.ts';
import { table } from '../wording.ts';
import { moment, plain, print, wholeNumber, type FleetAction, type FleetWork } from './fleet-action.ts';

interface AuditOptions {
  person?: string;
  action?: string;
  target?: string;
  outcome?: string;
  from?: string;
  to?: string;
  limit: string;
  before?: string;
  export?: string;
  check?: boolean;
}

/** What should be looked at, and who did what. */
export function watchCommands(fleet: Command, act: FleetAction): void {
  fleet
    .command('attention')
    .description('what a person should look at, the worst first; exit code 1 when something is critical')
    .action(act(attention));
  fleet
    .command('audit')
    .description('who did what; newest first')
    .option('--person <id>', 'by this person (p_…)')
    .option('--action <text>', 'actions that begin so')
    .option('--target <text>', 'on this sensor, person, instrument')
    .addOption(new Option('--outcome <outcome>').choices(['done', 'refused', 'failed']))
    .option('--from <time>', 'from this time on (ISO 8601)')
    .option('--to <time>', 'before this time (ISO 8601)')
    .option('--limit <count>', 'at most this many', '100')
    .option('--before <number>', 'older than this entry')
    .option('--export <file>', 'write all that fits to a new file, oldest first, with hashes')
    .option('--check', 'only say whether the log is whole, as far as its hashes can say')
    .action(act(audit));
}

const MARKS = { critical: '!!', warning: '! ', info: '  ' } as const;

const attention: FleetWork = async (fleet, options) => {
  const [answer, { sensors }] = await Promise.all([
    fleet.get<{ items: AttentionItem[] }>('/attention'),
    fleet.get<{ sensors: Sensor[] }>('/sensors'),
  ]);
  const names = new Map(sensors.map(({ id, name }) => [id, name]));
  const lines = answer.items.map(({ severity, title, text, sensor, since }) => {
    const where = sensor === undefined ? '' : ` [${plain(names.get(sensor) ?? sensor)}]`;
    const when = since === undefined ? '' : ` (since ${moment(since)})`;
    return `${MARKS[severity]} ${plain(title)}${where}${when}\n     ${plain(text, 1000)}\n`;
  });
  print(options, answer, lines.length === 0 ? 'nothing needs attention\n' : lines.join(''));
  return answer.items.some(({ severity }) => severity === 'critical') ? EXIT.failed : EXIT.ok;
};

const audit: FleetWork = async (fleet, options, own: AuditOptions) => {
  if (own.check === true) {
    const answer = await fleet.get<AuditCheck>('/audit/check');
    const text = answer.whole
      ? `whole: ${String(answer.entries)} entries, the newest has the hash ${answer.head}\n`
      : `NOT WHOLE: entry ${String(answer.fault?.id ?? '?')}: ${plain(answer.fault?.text)}\n`;
    print(options, answer, text);
    return answer.whole ? EXIT.ok : EXIT.failed;
  }
  const { person, action, target, outcome, from, to } = own;
  const filter = { person, action, target, outcome, from, to };
  if (own.export !== undefined) {
    const file = resolve(own.export);
    const bytes = await writeNew(file, fleet.bytes('/audit/export', filter));
    print(options, { file, bytes }, `${file}: ${String(bytes)} bytes\n`);
    return EXIT.ok;
  }
  const limit = String(wholeNumber(own.limit, '--limit', 1, 500));
  const before = own.before === undefined ? undefined : String(wholeNumber(own.before, '--before'));
  const page = await fleet.get<{ entries: AuditEntry[]; next: number | null }>('/audit', {
    ...filter,
    limit,
    before,
  });
  const rows = page.entries.map((entry) => [
    String(entry.id),
    moment(entry.at),
    plain(entry.name),
    plain(entry.action),
    plain(entry.target, 60),
    entry.outcome === 'done' ? 'done' : plain(`${entry.outcome} ${entry.code ?? ''}`),
    plain(entry.address),
  ]);
  const head = ['ENTRY', 'TIME', 'WHO', 'WHAT', 'ON', 'OUTCOME', 'FROM'];
  print(options, page, rows.length === 0 ? 'no such entries\n' : `${table([head, ...rows])}\n`);
  if (page.next !== null && options.json !== true)
    process.stderr.write(`more: --before ${String(page.next)}\n`);
  return EXIT.ok;
};

/** Its owner's alone, and there only when it is whole. @returns bytes @throws BulkheadError CLI_OUTPUT_FAILED */
async function writeNew(file: string, content: AsyncIterable<Buffer>): Promise<number> {
  const partial = `${file}.${String(process.pid)}.partial`;
  let bytes = 0;
  try {
    // Taken before anything is asked for: a file that is there is not overwritten.
    await (await open(file, 'wx', 0o600)).close();
  } catch (cause) {
    throw notWritten(file, cause);
  }
  try {
    const handle = await open(partial, 'wx', 0o600);
    try {
      for await (const chunk of content) {
        await handle.write(chunk);
        bytes += chunk.length;
      }
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(partial, file);
    return bytes;
  } catch (error) {
    await rm(partial, { force: true });
    await rm(file, { force: true });
    throw error instanceof BulkheadError ? error : notWritten(file, error);
  }
}

function notWritten(file: string, cause: unknown): BulkheadError {
  const { code } = cause as { code?: unknown };
  return new BulkheadError({
    code: 'CLI_OUTPUT_FAILED',
    message:
      code === 'EEXIST'
        ? `${file} is there already.`
        : `${file} could not be written: ${cause instanceof Error ? cause.message : String(cause)}.`,
    hint: 'Name a new file in a folder that exists and has room.',
    fields: { file },
    cause,
  });
}
