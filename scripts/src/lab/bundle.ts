import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BulkheadError, run } from '@bulkhead/platform/kernel';

/** The programs that run in the lab's namespaces. */
export const PROGRAMS = ['server', 'clients', 'outside', 'source'] as const;
export type ProgramName = (typeof PROGRAMS)[number];

/**
 * Bundles the lab's programs into plain JavaScript in `dir`, one `.mjs` file each. They are separate processes (each needs a
 * namespace of its own), and Node 20 does not run TypeScript.
 */
export async function bundlePrograms(dir: string): Promise<void> {
  const root = findCheckout();
  const entries = PROGRAMS.map((name) => join(root, 'scripts/src/lab/programs', `${name}.ts`));
  await run(join(root, 'node_modules/.bin/esbuild'), [
    ...entries,
    '--bundle',
    '--platform=node',
    '--target=node20',
    '--format=esm',
    '--out-extension:.js=.mjs',
    '--log-level=error',
    `--outdir=${dir}`,
  ]);
}

/** The checkout's folder: this file is in it as a source or as a part of a bundle below `build/`. */
function findCheckout(): string {
  for (let at = dirname(fileURLToPath(import.meta.url)); at !== dirname(at); at = dirname(at)) {
    if (existsSync(join(at, 'scripts/src/lab/programs/server.ts'))) return at;
  }
  throw new BulkheadError({
    code: 'START_LAB_FAILED',
    message: 'The lab needs its checkout: scripts/src/lab/programs was not found above the running program.',
    hint: 'Run scripts/start from a checkout of the project.',
  });
}
