import { open, readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { SensorStatus } from '../../contracts/index.ts';
import { runDoctor, type SupportSource } from '../../health/index.ts';
import { run, site } from '../../kernel/index.ts';
import { probeKernel } from '../../network/index.ts';
import { hostCollisions, ID_FILES } from '../../runtime/index.ts';
import type { SensorClient } from '../client.ts';

/** The end of a log that is looked at. */
const LOG_BYTES = 768 * 1024;
const LOG_LINES = 1_000;

/** What a bundle is collected from. */
export interface SourcesInput {
  client: SensorClient;
  stateDir: string;
  sinceMs: number;
}

/** What the sensor knows, what the machine knows, and the ends of logs. Each stands for itself. */
export async function supportSources({ client, stateDir, sinceMs }: SourcesInput): Promise<SupportSource[]> {
  const status = await client.status().catch(() => undefined);
  return [
    { path: 'status.json', about: 'the sensor at a glance', read: () => client.status() },
    {
      path: 'sensor.json',
      about: 'configuration, revisions, streams, volumes, ledger, links',
      read: () => client.get('/support'),
    },
    {
      path: 'errors.json',
      about: 'how often each error stands in the logs',
      read: () => errorCounts(stateDir, sinceMs),
    },
    { path: 'doctor.json', about: 'checks of the machine', read: () => doctor(status) },
    { path: 'machine.json', about: 'kernel, distribution, processors, memory, disks', read: machine },
    { path: 'packages.txt', about: 'versions of Debian packages that matter', read: packageVersions },
    ...logSources(client, status, stateDir, sinceMs),
  ];
}

/** Names that identify the place and must not leave it. */
export async function localNames(status: SensorStatus | undefined): Promise<string[]> {
  const users = (await readFile('/etc/passwd', 'utf8').catch(() => ''))
    .split('\n')
    .map((line) => line.split(':'))
    .filter(([, , id]) => Number(id) >= 1000 && Number(id) < 60_000)
    .map(([name]) => name ?? '');
  const host = hostname();
  return [host, host.split('.')[0] ?? '', ...users, ...(status === undefined ? [] : [status.sensor])].filter(
    (name) => name !== '' && name !== 'localhost',
  );
}

function logSources(
  client: SensorClient,
  status: SensorStatus | undefined,
  stateDir: string,
  sinceMs: number,
): SupportSource[] {
  const file = (path: string, about: string, at: string): SupportSource => ({
    path: `logs/${path}`,
    about,
    read: async () => recent(await tail(at), sinceMs),
  });
  return [
    file('sensord.log', 'what sensord wrote', join(stateDir, 'log', 'sensord.log')),
    file('nats-server.log', 'what the bus wrote', join(stateDir, 'bus', 'log', 'nats-server.log')),
    file('lxd.log', 'what LXD wrote', '/var/log/lxd/lxd.log'),
    {
      path: 'logs/journal.log',
      about: 'what the units of the sensor wrote',
      read: (signal) => journal(sinceMs, signal),
    },
    ...(status?.instruments ?? []).map(({ name }) => ({
      path: `logs/instrument-${name}.log`,
      about: `what ${name} wrote`,
      read: async () => recent((await client.instrumentLog(name, LOG_LINES)).join('\n'), sinceMs),
    })),
  ];
}

async function doctor(status: SensorStatus | undefined) {
  const at = site();
  return runDoctor({
    site: at,
    monitorDevices: status?.monitors.map(({ device }) => device) ?? [],
    probePacketPath: () => probeKernel(at),
    idCollisions: () => hostCollisions(ID_FILES),
  });
}

async function machine() {
  const text = async (path: string) => (await readFile(path, 'utf8').catch(() => '')).slice(0, 64 * 1024);
  const output = async (program: string, args: string[]) =>
    (
      await run(program, args, { allowFailure: true, timeoutMs: 8_000 }).catch(() => ({
        stdout: 'not to be had',
      }))
    ).stdout;
  return {
    release: await text('/etc/os-release'),
    kernel: await text('/proc/version'),
    uptimeAndLoad: [await text('/proc/uptime'), await text('/proc/loadavg')],
    memory: await text('/proc/meminfo'),
    processors: (await text('/proc/cpuinfo')).split('\n').filter((line) => line.startsWith('model name')),
    pressure: await text('/proc/pressure/memory'),
    disks: await output('df', ['-PT']),
    inodes: await output('df', ['-Pi']),
    // Only names and states: addresses of the machine's own links are no part of a fault of the sensor.
    links: await output('ip', ['-br', 'link', 'show']),
    node: process.version,
  };
}

async function packageVersions(): Promise<string> {
  const names = [
    'lxd',
    'nftables',
    'iproute2',
    'ethtool',
    'e2fsprogs',
    'btrfs-progs',
    'tcpreplay',
    'apparmor',
    'systemd',
    'nodejs',
  ];
  const { stdout } = await run(
    'dpkg-query',
    ['-W', '-f=${Package} ${Version} ${db:Status-Status}\n', ...names, 'bulkhead*'],
    {
      allowFailure: true,
    },
  );
  return stdout;
}

/** Lines of JSON by their level and code, so that a pattern is seen without reading all. */
async function errorCounts(stateDir: string, sinceMs: number) {
  const counts: Record<string, number> = {};
  for (const line of recent(await tail(join(stateDir, 'log', 'sensord.log')), sinceMs).split('\n')) {
    try {
      const { level, msg, err } = JSON.parse(line) as {
        level?: number;
        msg?: string;
        err?: { code?: string };
      };
      if (level === undefined || level < 40) continue;
      const key = `${level >= 50 ? 'error' : 'warning'} ${err?.code ?? (msg ?? '').slice(0, 60)}`;
      if (key in counts || Object.keys(counts).length < 200) counts[key] = (counts[key] ?? 0) + 1;
    } catch {
      // a line that is no JSON has no level
    }
  }
  return counts;
}

async function journal(sinceMs: number, signal: AbortSignal): Promise<string> {
  const since = `@${String(Math.floor(sinceMs / 1000))}`;
  const { stdout } = await run(
    'journalctl',
    ['--no-pager', '-o', 'short-iso', '-n', '2000', '--since', since, '-u', 'bulkhead*'],
    { timeoutMs: 10_000, maxOutputBytes: LOG_BYTES, signal },
  );
  return stdout;
}

/** The end of a file, from the beginning of a line. */
async function tail(path: string): Promise<string> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const from = Math.max(0, size - LOG_BYTES);
    const buffer = Buffer.alloc(Math.min(size, LOG_BYTES));
    const { bytesRead } = await file.read(buffer, 0, buffer.length, from);
    const text = buffer.subarray(0, bytesRead).toString('utf8');
    return from === 0 ? text : text.slice(text.indexOf('\n') + 1);
  } finally {
    await file.close();
  }
}

/** Leaves out lines of JSON that say an earlier time; a line without a time belongs to the one before it. */
function recent(text: string, sinceMs: number): string {
  let keep = true;
  return text
    .split('\n')
    .filter((line) => {
      const time = /^\{[^{}]*"time":"([^"]{10,40})"/.exec(line)?.[1];
      if (time !== undefined) keep = !(Date.parse(time) < sinceMs);
      return keep;
    })
    .slice(-LOG_LINES * 5)
    .join('\n');
}
