import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { makeSupportBundle, type SupportManifest } from '../../health/index.ts';
import { BulkheadError, hasCode, site } from '../../kernel/index.ts';
import type { SensorClient } from '../client.ts';
import type { CommandGroup, GlobalOptions } from '../command-group.ts';
import { EXIT } from '../exit-codes.ts';
import { localNames, supportSources } from '../support/sources.ts';
import { table } from '../wording.ts';

interface BundleOptions {
  preview?: boolean;
  output?: string;
  since: string;
  includeAddresses?: boolean;
  stateDir?: string;
}

const UNITS_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/** What to send when somebody is asked for help. */
export const supportCommands: CommandGroup = ({ program, action }) => {
  program
    .command('support-bundle')
    .description(
      'collect what helps others to find a fault, without secrets, events or addresses; works without a sensor too',
    )
    .option('--preview', 'make no file; show what would be in it and what is taken out')
    .option('--output <file>', 'where to write it (default: ./bulkhead-support-TIME.tar.gz)')
    .option('--since <duration>', 'how far back logs go: 30m, 24h, 7d', '24h')
    .option(
      '--include-addresses',
      'leave IP and MAC addresses, domains and names of machine and users as they are',
    )
    .option('--state-dir <dir>', 'where a sensor that does not answer keeps its state')
    .action(action(supportBundle));
};

async function supportBundle(
  client: SensorClient,
  options: GlobalOptions,
  own: BundleOptions,
): Promise<number> {
  const madeAt = new Date();
  const sinceMs = madeAt.getTime() - durationMs(own.since);
  const status = await client.status().catch(() => undefined);
  const stateDir = own.stateDir ?? (await stateDirOf(client)) ?? site().stateDir;
  const { manifest, archive } = await makeSupportBundle(await supportSources({ client, stateDir, sinceMs }), {
    madeAt,
    keepAddresses: own.includeAddresses === true,
    names: await localNames(status),
  });
  let written: string | undefined;
  if (own.preview !== true) {
    const name = `bulkhead-support-${madeAt.toISOString().replaceAll(/[-:]|\.\d+/g, '')}.tar.gz`;
    written = resolve(own.output ?? name);
    await write(written, archive);
  }
  if (options.json === true) {
    process.stdout.write(`${JSON.stringify({ ...manifest, file: written, bytes: archive.length })}\n`);
  } else {
    process.stdout.write(manifestText(manifest, written, archive.length));
  }
  return EXIT.ok;
}

async function stateDirOf(client: SensorClient): Promise<string | undefined> {
  try {
    return ((await client.get('/support')) as { places: { stateDir: string } }).places.stateDir;
  } catch {
    return undefined; // no sensor answers: the bundle says so
  }
}

/** Readable by its owner alone, and never over a file that is there. */
async function write(path: string, data: Buffer): Promise<void> {
  try {
    const file = await open(path, 'wx', 0o600);
    try {
      await file.writeFile(data);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw new BulkheadError({
      code: 'CLI_SUPPORT_NOT_WRITTEN',
      message: `The bundle could not be written to ${path}: ${hasCode(cause, 'EEXIST') ? 'there is such a file' : String(cause)}.`,
      hint: 'Name another file with --output.',
      fields: { path },
      cause,
    });
  }
}

function durationMs(text: string): number {
  const found = /^(\d{1,4})([mhd])$/.exec(text);
  const unit = UNITS_MS[found?.[2] ?? ''];
  if (found !== null && unit !== undefined) return Number(found[1]) * unit;
  throw new BulkheadError({
    code: 'CLI_USAGE',
    message: `--since ${text} is not a duration.`,
    hint: 'Write a number with m, h or d, e.g. 24h.',
  });
}

function manifestText(manifest: SupportManifest, written: string | undefined, bytes: number): string {
  const rows = manifest.files.map(({ path, bytes: size, redacted, about, cut }) => [
    path,
    `${String(Math.max(1, Math.ceil(size / 1024)))} KiB${cut === true ? ' (its end)' : ''}`,
    Object.entries(redacted)
      .map(([kind, count]) => `${kind} ${String(count)}`)
      .join(', ') || '-',
    about,
  ]);
  const missing = manifest.missing.map(({ path, reason }) => `  not in it: ${path}: ${reason}`);
  return [
    table([['FILE', 'SIZE', 'TAKEN OUT', ''], ...rows]),
    ...(missing.length === 0 ? [] : ['', ...missing]),
    '',
    'Never in it: keys, events, payloads, environment.',
    manifest.addressesKept
      ? 'Addresses and names are IN it.'
      : 'Addresses and names are replaced, the same one everywhere alike.',
    written === undefined
      ? 'Nothing was written (--preview).'
      : `Written: ${written} (${String(Math.ceil(bytes / 1024))} KiB). Look into it before you send it.`,
    '',
  ].join('\n');
}
