import { cp, mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { parse } from 'yaml';
import { ManifestSchema, type Manifest } from '@bulkhead/platform/contracts';
import { parseStrict, run, site, sitePaths } from '@bulkhead/platform/kernel';

const INSTRUMENT = fileURLToPath(new URL('../../../instruments/suricata', import.meta.url));

/** Node wants the same head as the bundles that scripts/build makes. */
const BANNER =
  "import { createRequire as bulkheadRequire } from 'node:module'; const require = bulkheadRequire(import.meta.url);";

/** The instrument's manifest. */
export async function suricataManifest(): Promise<Manifest> {
  const text = await readFile(join(INSTRUMENT, 'instrument.yaml'), 'utf8');
  return parseStrict(ManifestSchema, parse(text), 'PACKAGES_MANIFEST_INVALID', 'suricata/instrument.yaml');
}

/**
 * Unpacks the image `suricata` into a folder and puts the app in, as a container would see it.
 * `BULKHEAD_SURICATA_ROOT` names a root folder to copy instead of the built image.
 */
export async function unpackImage(root: string): Promise<void> {
  const given = process.env['BULKHEAD_SURICATA_ROOT'];
  await rm(root, { recursive: true, force: true });
  if (given !== undefined) {
    await run('cp', ['-a', '--', given, root], { timeoutMs: 120_000 });
  } else {
    const images = sitePaths(site()).imagesDir;
    const { file } = JSON.parse(await readFile(join(images, 'suricata.json'), 'utf8')) as { file: string };
    await mkdir(root, { recursive: true });
    await run('tar', ['--zstd', '-xf', join(images, file), '-C', root, '--strip-components=1', 'rootfs'], {
      timeoutMs: 120_000,
    });
  }
  for (const dir of ['proc', 'dev', 'sys', 'run/bulkhead', 'opt/instrument']) {
    await mkdir(join(root, dir), { recursive: true });
  }
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
