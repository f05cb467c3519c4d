import { access, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sensorClient } from '@bulkhead/platform/cli';
import { describeError, run, sitePaths, waitFor, type Site } from '@bulkhead/platform/kernel';
import { removeLab } from '../lab/index.ts';
import { removeReplay } from '../replay/index.ts';
import { siteArguments, stateDirOf } from './running-sensor.ts';

const FLEET_END_MS = 15_000;

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
  await endFleets(site, progress);
  await removeLab(site);
  await removeReplay(site);
}

/** A fleetd whose scripts/start was killed holds the ports that the next one wants. */
async function endFleets(site: Site, progress: (text: string) => void): Promise<void> {
  const standing = async () => {
    const lines = await commandLines((line) => isFleetOf(site, line));
    return lines.map(({ pid }) => pid);
  };
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    for (const pid of await standing()) {
      progress(`ending the earlier fleet's process ${String(pid)}`);
      process.kill(pid, signal);
    }
    const over = async () => (await standing()).length === 0;
    await waitFor("the earlier fleet's end", FLEET_END_MS, over, { intervalMs: 100 }).catch(() => undefined);
  }
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
  const found = await commandLines((line) =>
    [
      line.includes('/sensord.mjs ') && line.includes(`${site.stateDir}/`),
      line.includes('nats-server') && line.includes(`${site.runDir}/`),
      line.includes(`/run/${site.prefix}-lab/`),
      isFleetOf(site, line),
    ].includes(true),
  );
  return found.map(({ pid, line }) => `${String(pid)} (${line.slice(0, 80)})`);
}

/** fleetd, or the nats-server of a fleet, that was started for this site. */
function isFleetOf({ stateDir }: Site, line: string): boolean {
  return ['lab', 'replay', 'sensor'].some((kind) => {
    const dir = `${stateDir}/${kind}/fleetd`;
    return line.includes(` ${dir}/program/fleetd.mjs --config `) || line.includes(`nats-server -c ${dir}/`);
  });
}

async function commandLines(fits: (line: string) => boolean): Promise<{ pid: number; line: string }[]> {
  const found: { pid: number; line: string }[] = [];
  for (const name of (await readdir('/proc')).filter((one) => /^\d+$/.test(one))) {
    const text = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '');
    const line = text.replaceAll('\0', ' ').trim();
    if (fits(line) && Number(name) !== process.pid) found.push({ pid: Number(name), line });
  }
  return found;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
