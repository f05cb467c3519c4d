import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { run, site, sitePaths } from '@bulkhead/platform/kernel';

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
