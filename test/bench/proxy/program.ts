import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { run } from '@bulkhead/platform/kernel';

/** Bundles of the programs of this bench; Node 20 runs no TypeScript. */
export async function bundlePrograms(root: string, names: readonly string[]): Promise<string> {
  const outdir = join(root, 'build/bench-proxy');
  const banner =
    "import { createRequire as bhRequire } from 'node:module'; const require = bhRequire(import.meta.url);";
  await run(join(root, 'node_modules/.bin/esbuild'), [
    ...names.map((name) => join(root, 'test/bench/proxy', `${name}.ts`)),
    ...['--bundle', '--platform=node', '--format=esm', '--target=node20', '--log-level=error'],
    // Native parts are found in node_modules, as bundles below the repository do.
    ...['--external:better-sqlite3', '--external:@node-rs/argon2'],
    ...[`--outdir=${outdir}`, '--out-extension:.js=.mjs', `--banner:js=${banner}`],
  ]);
  return outdir;
}

/** A program that runs. */
export interface Running<Out> {
  said: Out;
  end(): Promise<void>;
}

/** Starts one on a processor of its own and waits for what it says. @param cpus as taskset takes it */
export async function start<Out>(
  bundles: string,
  name: string,
  told: object,
  cpus: string,
): Promise<Running<Out>> {
  const child = spawn('taskset', ['-c', cpus, process.execPath, join(bundles, `${name}.mjs`)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdin.write(`${JSON.stringify(told)}\n`);
  const said = await new Promise<Out>((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', (line) => resolve(JSON.parse(line) as Out));
    child.once('exit', (code) => reject(new Error(`${name} ended with ${String(code)}`)));
  });
  return { said, end: () => ended(child) };
}

/** Ends a child process and waits until it is gone. */
export async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await gone;
}
