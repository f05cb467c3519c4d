import { access, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sensorClient } from '@bulkhead/platform/cli';
import { describeError, run, sitePaths, type Site } from '@bulkhead/platform/kernel';
import { removeLab } from '../lab/index.ts';
import { removeReplay } from '../replay/index.ts';
import { siteArguments, stateDirOf } from './running-sensor.ts';

/** Takes down what a run left that was killed. Quiet and quick when there is nothing. */
export async function takeDownRemains(site: Site, progress: (text: string) => void): Promise<void> {
  const before = await leftovers(site);
  if (before.length === 0) return;
  progress(`found: ${before.join('; ')}`);
  const client = sensorClient(sitePaths(site).sensordSocket);
  await client
    .shutdown()
    .then(() => {
      progress('the earlier sensor was taken down');
    })
    .catch(() => undefined)
    .finally(() => client.close());
  const sensord = join(fileURLToPath(new URL('.', import.meta.url)), 'sensord.mjs');
  for (const kind of ['lab', 'replay', 'interface'] as const) {
    const stateDir = stateDirOf(site, kind);
    if (!(await exists(join(stateDir, 'keys')))) continue;
    await run(process.execPath, [sensord, '--take-down', ...siteArguments(site, stateDir)], {
      timeoutMs: 120_000,
    }).catch((error: unknown) => {
      progress(describeError(error));
    });
  }
  await removeLab(site);
  await removeReplay(site);
}

/** Everything of this site that still stands in the kernel or runs, in words; empty = nothing is left behind. */
export async function leftovers(site: Site): Promise<string[]> {
  const [links, namespaces, tables, mounts, processes] = await Promise.all([
    namesFrom(
      'ip',
      ['-o', 'link'],
      new RegExp(`^\\d+: (${site.prefix}(?:[a-zA-Z]-[0-9a-f]{8}|lab-\\w+|replay))[@:]`, 'gm'),
    ),
    namesFrom('ip', ['netns'], new RegExp(`^(${site.prefix}-\\S+)`, 'gm')),
    namesFrom('nft', ['list', 'tables'], new RegExp(`^table netdev (${site.prefix}_\\S+)`, 'gm')),
    mountsBelow([site.stateDir, site.runDir]),
    processesOf(site),
  ]);
  return [
    ...links.map((name) => `link ${name}`),
    ...namespaces.map((name) => `network namespace ${name}`),
    ...tables.map((name) => `nftables table ${name}`),
    ...mounts.map((path) => `mount ${path}`),
    ...processes.map((text) => `process ${text}`),
  ];
}

async function namesFrom(program: string, args: readonly string[], pattern: RegExp): Promise<string[]> {
  const { stdout } = await run(program, args, { allowFailure: true }).catch(() => ({ stdout: '' }));
  return [...stdout.matchAll(pattern)].map((match) => match[1] ?? '');
}

async function mountsBelow(dirs: readonly string[]): Promise<string[]> {
  const table = await readFile('/proc/self/mountinfo', 'utf8');
  return table
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((path) => dirs.some((dir) => path === dir || path.startsWith(`${dir}/`)));
}

/** Our own long-running programs, by their command lines. */
async function processesOf(site: Site): Promise<string[]> {
  const found: string[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const line = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => ''))
      .replaceAll('\0', ' ')
      .trim();
    const ours =
      (line.includes('/sensord.mjs ') && line.includes(`${site.stateDir}/`)) ||
      (line.includes('nats-server') && line.includes(`${site.runDir}/`)) ||
      line.includes(`/run/${site.prefix}-lab/`);
    if (ours && Number(pid) !== process.pid) found.push(`${pid} (${line.slice(0, 80)})`);
  }
  return found;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
