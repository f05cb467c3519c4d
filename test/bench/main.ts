import { readFile, readdir } from 'node:fs/promises';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { setup as startLxd } from '../support/lxd-daemon.ts';
import { judge, type Bench, type BenchResult } from './result.ts';

const USAGE = `usage: scripts/bench NAME [--json]
       scripts/bench --list

Runs one benchmark and judges it. Exit status: 0 every target reached, 1 not, 2 wrong use.
`;
const DEFAULT_TIMEOUT_MS = 600_000;
/** After an abort a bench has this long to clean up before the process ends without it. */
const CLEAN_UP_MS = 60_000;

/**
 * The bundle's entry (`scripts/bench` builds this file and every `test/bench/<name>/index.ts` side by side).
 * @returns the exit status.
 */
export async function main(args: readonly string[], root: string, bundles: string): Promise<number> {
  let options: { name: string | undefined; json: boolean; list: boolean };
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { json: { type: 'boolean' }, list: { type: 'boolean' }, help: { type: 'boolean' } },
    });
    if (values.help === true) {
      process.stdout.write(USAGE);
      return 0;
    }
    if (positionals.length > 1) throw new Error('one benchmark at a time');
    options = { name: positionals[0], json: values.json === true, list: values.list === true };
  } catch (error) {
    return usage(error instanceof Error ? error.message : String(error));
  }
  const names = (await readdir(bundles))
    .filter((file) => file.endsWith('.bench.mjs'))
    .map((file) => file.slice(0, -'.bench.mjs'.length))
    .sort();
  if (options.list) {
    for (const name of names) process.stdout.write(`${name}\t${(await load(bundles, name)).title}\n`);
    return 0;
  }
  if (options.name === undefined || !names.includes(options.name)) {
    return usage(`choose one of: ${names.join(', ')}`);
  }
  const endLxd = await startLxd();
  let result: BenchResult;
  try {
    result = await measure(await load(bundles, options.name), root);
  } finally {
    await endLxd();
  }
  process.stdout.write(options.json ? `${JSON.stringify(result)}\n` : table(result));
  return result.reached ? 0 : 1;
}

function usage(reason: string): number {
  process.stderr.write(`scripts/bench: ${reason}\n${USAGE}`);
  return 2;
}

async function load(bundles: string, name: string): Promise<Bench> {
  const module = (await import(pathToFileURL(join(bundles, `${name}.bench.mjs`)).href)) as { bench?: Bench };
  if (module.bench?.name !== name) throw new Error(`test/bench/${name}/index.ts does not export its bench.`);
  return module.bench;
}

async function measure(bench: Bench, root: string): Promise<BenchResult> {
  const abort = new AbortController();
  const timeoutMs = bench.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const stop = (reason: string) => {
    if (abort.signal.aborted) return;
    process.stderr.write(`${reason}; cleaning up\n`);
    abort.abort(new Error(reason));
    setTimeout(() => process.exit(1), CLEAN_UP_MS).unref();
  };
  const timer = setTimeout(
    () => stop(`${bench.name} did not finish within ${timeoutMs / 1000} s`),
    timeoutMs,
  );
  const onSignal = () => stop('stopped');
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  try {
    const measurement = await bench.run({
      root,
      signal: abort.signal,
      progress: (text) => process.stderr.write(`${bench.name}: ${text}\n`),
    });
    const platform = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
    return judge(
      bench.name,
      measurement,
      {
        cpu: cpus()[0]?.model.trim() ?? 'unknown',
        cores: cpus().length,
        memoryMib: Math.round(totalmem() / 2 ** 20),
        kernel: release(),
      },
      { bulkhead: platform.version, node: process.versions.node, kernel: release() },
    );
  } finally {
    clearTimeout(timer);
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}

/** The same for people. */
export function table(result: BenchResult): string {
  const judged = new Map(result.targets.map((target) => [target.figure, target]));
  const rows = result.figures.map((figure) => {
    const target = judged.get(figure.name);
    const bound = [
      ...(target?.min === undefined ? [] : [`>= ${target.min}`]),
      ...(target?.max === undefined ? [] : [`<= ${target.max}`]),
    ].join(' and ');
    const verdict = target === undefined ? '' : target.reached ? 'reached' : 'NOT REACHED';
    return [figure.name, shown(figure.value), figure.unit, bound, verdict];
  });
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) =>
        column === 1 ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
  const { cpu, cores, memoryMib, kernel } = result.machine;
  const versions = Object.entries(result.versions).map(([part, version]) => `${part} ${version}`);
  return [
    `${result.bench}: ${result.reached ? 'every target reached' : 'not every target reached'}`,
    ...lines.map((line) => `  ${line}`),
    ...(result.notes ?? []).map((note) => `  note: ${note}`),
    `  ${cpu}, ${cores} cores, ${memoryMib} MiB, kernel ${kernel}`,
    `  ${versions.join(', ')}`,
    '',
  ].join('\n');
}

function shown(value: number): string {
  return Math.abs(value) >= 1000
    ? Math.round(value).toLocaleString('en-US')
    : String(Number(value.toPrecision(4)));
}
