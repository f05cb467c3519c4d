import { cp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { parse } from 'yaml';
import { ManifestSchema, type Manifest } from '@bulkhead/platform/contracts';
import { parseStrict, run } from '@bulkhead/platform/kernel';

const INSTRUMENT = fileURLToPath(new URL('../../../instruments/suricata', import.meta.url));

/** Node wants the same head as the bundles that scripts/build makes. */
const BANNER =
  "import { createRequire as bulkheadRequire } from 'node:module'; const require = bulkheadRequire(import.meta.url);";

/** The instrument's manifest. */
export async function suricataManifest(): Promise<Manifest> {
  const text = await readFile(join(INSTRUMENT, 'instrument.yaml'), 'utf8');
  return parseStrict(ManifestSchema, parse(text), 'PACKAGES_MANIFEST_INVALID', 'suricata/instrument.yaml');
}

/** Bundles the instrument's app into `<root>/opt/instrument`. */
export async function placeSuricataApp(root: string): Promise<void> {
  const target = join(root, 'opt/instrument');
  await build({
    entryPoints: [join(INSTRUMENT, 'src/main.ts')],
    outfile: join(target, 'main.mjs'),
    bundle: true,
    platform: 'node',
    target: 'node20.19',
    format: 'esm',
    logLevel: 'silent',
    banner: { js: BANNER },
  });
  await cp(join(INSTRUMENT, 'files'), join(target, 'files'), { recursive: true });
  await run('chmod', ['-R', 'a+rX', target]);
}
