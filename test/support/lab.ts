import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hasCode, openLog, run, site, waitFor, type Logger, type Site } from '@bulkhead/platform/kernel';
import { readCapture } from '@bulkhead/scripts/replay';

/** A site of a test's own, its folders, and a log that stays quiet. */
export interface TestSite {
  site: Site;
  log: Logger;
  remove(): Promise<void>;
}

export async function testSite(prefix: string): Promise<TestSite> {
  const dir = await mkdtemp(join(tmpdir(), `bulkhead-${prefix}-`));
  return {
    site: site({
      prefix,
      stateDir: join(dir, 'state'),
      runDir: join(dir, 'run'),
      cacheDir: join(dir, 'cache'),
      lxdProject: `bulkhead-test-${prefix}`,
    }),
    log: openLog('test', 'error'),
    remove: () => rm(dir, { recursive: true, force: true }),
  };
}

/** What of a site's lab or replay stands on the machine: links, namespaces, processes, folders. Empty when nothing does. */
export async function remains(prefix: string): Promise<string[]> {
  const links = readdirSync('/sys/class/net').filter((link) => link.startsWith(prefix));
  const namespaces = existsSync('/run/netns')
    ? readdirSync('/run/netns').filter((name) => name.startsWith(`${prefix}-`))
    : [];
  const folders = existsSync(`/run/${prefix}-lab`) ? [`/run/${prefix}-lab`] : [];
  const processes: string[] = [];
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (line.includes(`/run/${prefix}-lab/`)) processes.push(`${pid}: ${line.replaceAll('\0', ' ')}`);
  }
  return [...links, ...namespaces, ...folders, ...processes];
}

/**
 * The frames that arrive at a device of the host's namespace while `work` runs.
 * @param filter only these, in both directions (a tcpdump expression).
 */
export async function captureWhile(
  device: string,
  work: () => Promise<void>,
  filter?: string,
): Promise<Buffer[]> {
  const dir = await mkdtemp(join(tmpdir(), 'bulkhead-frames-'));
  const file = join(dir, 'frames.pcap');
  // -Z root: it must write into a folder that only root may enter. Direction in: what the device itself would send is not asked for.
  const args = ['-i', device, '-w', file, '-s', '0', '-U', '-B', '32768', '-Z', 'root', '--immediate-mode'];
  const which = filter === undefined ? ['-Q', 'in'] : [filter];
  const tcpdump = spawn('tcpdump', [...args, ...which], { stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = new Promise<void>((resolve) => {
    tcpdump.on('close', () => {
      resolve();
    });
  });
  let said = '';
  tcpdump.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  try {
    await waitFor('tcpdump to listen', 10_000, () => said.includes('listening on'));
    await work();
    await settled(file);
    tcpdump.kill('SIGINT');
    await ended;
    const lost = /(\d+) packets? dropped by kernel/.exec(said)?.[1];
    if (lost !== '0') throw new Error(`tcpdump is no witness: ${said}`);
    const frames: Buffer[] = [];
    try {
      for await (const record of readCapture(file)) frames.push(Buffer.from(record.data));
    } catch (error) {
      if (!hasCode(error, 'START_CAPTURE_EMPTY')) throw error;
    }
    return frames;
  } finally {
    tcpdump.kill('SIGKILL');
    await ended;
    await rm(dir, { recursive: true, force: true });
  }
}

/** tcpdump forgets what it has not read when it is told to end; on a busy machine it needs a while. */
async function settled(file: string): Promise<void> {
  let size = -1;
  await waitFor(
    'tcpdump to write everything',
    30_000,
    async () => {
      const before = size;
      size = (await stat(file)).size;
      return size === before;
    },
    { intervalMs: 400 },
  );
}

/** Runs a program in a namespace and gives its standard output. */
export async function inNamespace(namespace: string, command: readonly string[]): Promise<string> {
  return (await run('ip', ['netns', 'exec', namespace, ...command])).stdout;
}

/** The machine's own network cards. */
export function networkCards(): string[] {
  return readdirSync('/sys/class/net').filter((link) => existsSync(`/sys/class/net/${link}/device`));
}

/**
 * What a lab must not change: addresses and routes of the machine's own cards, default routes, rules; and every trace of the
 * lab's addresses or links among addresses and routes. (Other links come and go while other tests run.)
 */
export async function hostNetwork(prefix: string): Promise<string[]> {
  const looks = [
    ['-oneline', 'address', 'show'],
    ['route', 'show', 'table', 'all'],
    ['-6', 'route', 'show', 'table', 'all'],
    ['rule', 'show'],
  ];
  const outputs = await Promise.all(looks.map((args) => run('ip', args)));
  const cards = networkCards().join('|') || 'no card';
  const ours = new RegExp(
    `\\b(${cards}|default|from|${prefix}\\S*)\\b|\\b(10\\.66\\.|203\\.0\\.113\\.|fd66:|2001:db8:66:)`,
  );
  return outputs
    .flatMap(({ stdout }) => stdout.split('\n'))
    .filter((line) => ours.test(line))
    .map((line) => line.replace(/\s+(expires|valid_lft|preferred_lft) \S+/g, '').trim())
    .sort();
}

/** Frames that a host's link has sent so far. */
export async function sentFrames(link: string): Promise<number> {
  return Number(await readFile(`/sys/class/net/${link}/statistics/tx_packets`, 'utf8'));
}
