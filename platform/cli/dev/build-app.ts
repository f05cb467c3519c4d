import { existsSync } from 'node:fs';
import { cp, copyFile, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { BulkheadError, hasCode, run } from '../../kernel/index.ts';

/** An app folder as the packages room takes it, built from an instrument's sources. */
export interface BuiltApp {
  dir: string;
  remove: () => Promise<void>;
}

/** What belongs to the sources and not to the program. */
const LEFT_OUT = new Set(['node_modules', '.git', '__pycache__', 'test', 'tests', 'build', 'README.md']);
const BUILD_MS = 60_000;

/**
 * Makes the app of the instrument in `source`: with `src/main.ts`, one bundle for Node.js, the manifest and `files/`;
 * otherwise a copy of the folder, without tests and what tools leave.
 * @throws BulkheadError CLI_DEV_BUILD with what the bundler says
 */
export async function buildApp(source: string): Promise<BuiltApp> {
  const from = resolve(source);
  if (!existsSync(join(from, 'instrument.yaml'))) {
    throw new BulkheadError({
      code: 'CLI_DEV_BUILD',
      message: `${from} holds no instrument.yaml.`,
      hint: 'Name the folder of an instrument; scripts/new-instrument makes one.',
      fields: { dir: from },
    });
  }
  const dir = await mkdtemp(join(tmpdir(), 'bulkhead-app-'));
  try {
    if (existsSync(join(from, 'src', 'main.ts'))) await bundle(from, dir);
    else await copyAsItIs(from, dir);
  } catch (error) {
    await rm(dir, { recursive: true, force: true });
    throw error;
  }
  return { dir, remove: () => rm(dir, { recursive: true, force: true }) };
}

async function copyAsItIs(from: string, to: string): Promise<void> {
  await cp(from, to, {
    recursive: true,
    // Links stay links, and the packages room refuses them by name.
    verbatimSymlinks: true,
    filter: (path) => path === from || !LEFT_OUT.has(basename(path)),
  });
}

async function bundle(from: string, to: string): Promise<void> {
  const root = toolsRoot(from);
  const sdk = join(root, 'instruments', 'sdk', 'src', 'index.ts');
  const { exitCode, stderr } = await run(
    join(root, 'node_modules', '.bin', 'esbuild'),
    [
      join(from, 'src', 'main.ts'),
      '--bundle',
      '--platform=node',
      '--target=node20.19',
      '--format=esm',
      '--log-level=warning',
      `--outfile=${join(to, 'main.mjs')}`,
      // Some packages are CommonJS and call require() for Node's own modules.
      "--banner:js=import { createRequire as bulkheadRequire } from 'node:module'; const require = bulkheadRequire(import.meta.url);",
      ...(existsSync(sdk) ? [`--alias:@bulkhead/sdk=${sdk}`] : []),
    ],
    { allowFailure: true, timeoutMs: BUILD_MS, env: { NODE_PATH: join(root, 'node_modules') } },
  );
  if (exitCode !== 0) {
    throw new BulkheadError({
      code: 'CLI_DEV_BUILD',
      message: `${from} could not be built:\n${stderr.trim().slice(0, 4000)}`,
      hint: 'Correct the source; with --watch it is built again when it is saved.',
      fields: { dir: from },
    });
  }
  await copyFile(join(from, 'instrument.yaml'), join(to, 'instrument.yaml'));
  if (existsSync(join(from, 'files'))) await cp(join(from, 'files'), join(to, 'files'), { recursive: true });
  if (await usesSqlite(from)) {
    const native = join(root, 'node_modules/better-sqlite3/build/Release/better_sqlite3.node');
    await copyFile(native, join(to, 'better_sqlite3.node'));
  }
  await mkdir(to, { recursive: true });
}

async function usesSqlite(from: string): Promise<boolean> {
  try {
    return (await readFile(join(from, 'package.json'), 'utf8')).includes('"better-sqlite3"');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false;
    throw error;
  }
}

/** The nearest folder above the instrument, or above this program, that has the bundler. */
function toolsRoot(from: string): string {
  const starts = [from, dirname(fileURLToPath(import.meta.url))];
  for (const start of starts) {
    for (let at = start; at !== dirname(at); at = dirname(at)) {
      if (existsSync(join(at, 'node_modules', '.bin', 'esbuild'))) return at;
    }
  }
  throw new BulkheadError({
    code: 'CLI_DEV_BUILD',
    message: `There is no esbuild above ${from}, and it is needed to build src/main.ts.`,
    hint: 'Work in a checkout of Bulkhead after scripts/setup, or install esbuild beside the instrument.',
    fields: { dir: from },
  });
}
