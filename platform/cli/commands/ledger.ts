import { setTimeout as sleep } from 'node:timers/promises';
import type { LedgerLine, LedgerReport } from '../../contracts/index.ts';
import { BulkheadError } from '../../kernel/index.ts';
import type { SensorClient } from '../client.ts';
import type { CommandGroup, GlobalOptions } from '../command-group.ts';
import { EXIT } from '../exit-codes.ts';
import { table } from '../wording.ts';

const WATCH_MS = 2_000;
const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 };
const MOST_S = 86_400;

interface LedgerOptions {
  monitor?: string;
  last?: string;
  sinceStart?: boolean;
  watch?: boolean;
}

/** Where every packet and every event went. */
export const ledgerCommands: CommandGroup = ({ program, action }) => {
  program
    .command('ledger')
    .description(
      'where every packet and every event went, from the NIC to the store; losses are marked with !',
    )
    .option('--monitor <name>', 'only the packets of this monitor interface')
    .option('--last <time>', 'only the last 30s, 15m, 1h, up to 24h')
    .option('--since-start', 'since the monitor interfaces were attached (the default)')
    .option('--watch', 'again every 2 seconds, until interrupted')
    .addHelpText(
      'after',
      `
in = out + kept back on purpose + lost + unaccounted. A small number that is unaccounted was under way while the counters
were read; one that stays is a loss without a reason. Exit code 1: a loss is above its threshold now.`,
    )
    .action(action(showLedger));
};

async function showLedger(client: SensorClient, options: GlobalOptions, own: LedgerOptions): Promise<number> {
  if (own.last !== undefined && own.sinceStart === true) {
    throw new BulkheadError({
      code: 'CLI_USAGE',
      message: '--last and --since-start exclude each other.',
      hint: 'Give one of them, or neither.',
    });
  }
  const query = {
    ...(own.monitor === undefined ? {} : { monitor: own.monitor }),
    ...(own.last === undefined ? {} : { lastS: String(secondsOf(own.last)) }),
  };
  for (;;) {
    const report = (await client.get('/ledger', query)) as LedgerReport;
    const clear =
      own.watch === true && options.json !== true && process.stdout.isTTY ? '\u001b[H\u001b[2J' : '';
    process.stdout.write(`${clear}${options.json === true ? JSON.stringify(report) : ledgerText(report)}\n`);
    if (own.watch !== true) return report.alarms.length > 0 ? EXIT.failed : EXIT.ok;
    await sleep(WATCH_MS);
  }
}

/** `90`, `30s`, `15m`, `1h`. @throws BulkheadError CLI_USAGE */
export function secondsOf(text: string): number {
  const match = /^(\d{1,6})([smh]?)$/.exec(text);
  const seconds = match === null ? 0 : Number(match[1]) * (UNITS[match[2] ?? ''] ?? 1);
  if (seconds >= 1 && seconds <= MOST_S) return seconds;
  throw new BulkheadError({
    code: 'CLI_USAGE',
    message: `--last ${JSON.stringify(text)} is not a time from 1s to 24h.`,
    hint: 'Write it like 30s, 15m or 1h.',
  });
}

/** The ledger for people. */
export function ledgerText(report: LedgerReport): string {
  const seconds = Math.max(1, (Date.parse(report.to) - Date.parse(report.from)) / 1000);
  const monitors = [...new Set(report.lines.flatMap(({ monitor }) => monitor ?? []))];
  const sections = [
    ...monitors.map((monitor) => ({
      title: `packets of ${monitor}`,
      lines: report.lines.filter((line) => line.monitor === monitor),
    })),
    { title: 'events', lines: report.lines.filter(({ monitor }) => monitor === undefined) },
  ].filter(({ lines }) => lines.length > 0);
  const short = report.shortened ? ' (more is not remembered)' : '';
  return [
    `${report.from} to ${report.to}${short}`,
    ...report.alarms.map(({ text, since }) => `  ! ${text} (since ${since})`),
    ...sections.flatMap(({ title, lines }) => ['', title, sectionText(lines, seconds)]),
  ].join('\n');
}

function sectionText(lines: readonly LedgerLine[], seconds: number): string {
  const head = [' ', 'STAGE', 'NAME', 'IN', 'OUT', 'PER S', 'LOST', '%', 'UNACCOUNTED', ''];
  return table([head, ...lines.map((line) => row(line, seconds))])
    .split('\n')
    .map((text) => text.trimEnd())
    .join('\n');
}

function row(line: LedgerLine, seconds: number): string[] {
  const lost = Object.values(line.lost).reduce((total, count) => total + count, 0);
  return [
    lost > 0 ? '!' : ' ',
    line.stage,
    line.name,
    number(line.in),
    number(line.out),
    number(Math.round(line.in / seconds)),
    number(lost),
    lost === 0 ? '0' : ((100 * lost) / Math.max(line.in, lost)).toFixed(2),
    number(line.unaccounted),
    [...words('lost', line.lost), ...words('kept back', line.held), line.note ?? '']
      .filter((text) => text !== '')
      .join('; '),
  ];
}

function words(what: string, counts: Readonly<Record<string, number>>): string[] {
  const told = Object.entries(counts).filter(([, count]) => count > 0);
  return told.length === 0
    ? []
    : [`${what}: ${told.map(([why, count]) => `${why} ${number(count)}`).join(', ')}`];
}

function number(value: number): string {
  return value.toLocaleString('en-US');
}
