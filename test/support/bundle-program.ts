import { build } from 'esbuild';

/**
 * Bundles a small TypeScript program that a test kills, so that Node runs it as a process of its own.
 * @param contents of the program; relative imports are meant from `platform/`
 * @param outfile a name that ends with `.mjs`
 * @param external packages that are looked for when it runs
 */
export async function bundleProgram(
  contents: string,
  outfile: string,
  external: readonly string[] = [],
): Promise<void> {
  await build({
    stdin: { contents, loader: 'ts', resolveDir: new URL('../../platform', import.meta.url).pathname },
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile,
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
    external: [...external],
    logLevel: 'silent',
  });
}
