import { mkdir, readFile } from 'node:fs/promises';
import { endianness } from 'node:os';
import { z } from 'zod';
import { run } from '../kernel/index.ts';

/**
 * Mounts a BPF file system at `dir`, readable by root only: who can open a pinned map can redirect packets. Pins keep
 * programs and counters alive while `sensord` restarts.
 */
export async function mountBpffs(dir: string): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  if (await isMounted(dir)) return;
  await run('mount', ['-t', 'bpf', '-o', 'mode=0700', 'bpf', dir]);
}

/** Takes it away again; the pins in it vanish. Quiet when it is not mounted. */
export async function unmountBpffs(dir: string): Promise<void> {
  for (let layer = 0; layer < 8 && (await isMounted(dir)); layer++) await run('umount', [dir]);
}

async function isMounted(dir: string): Promise<boolean> {
  // Fields of mountinfo(5): 4 = mount point, with octal escapes that our folders do not need.
  const table = await readFile('/proc/self/mountinfo', 'utf8');
  return table.split('\n').some((line) => line.split(' ')[4] === dir);
}

/** Runs a program in the network namespace of this file (`/proc/<pid>/ns/net`), or in our own. */
export function inNamespace(namespace: string | undefined, command: readonly string[]): [string, string[]] {
  const all = namespace === undefined ? command : ['nsenter', `--net=${namespace}`, ...command];
  return [all[0] ?? '', all.slice(1)];
}

/** Several bpftool commands in one process; stops at the first that fails. */
export async function bpftoolBatch(commands: readonly string[], namespace?: string): Promise<void> {
  await run(...inNamespace(namespace, ['bpftool', 'batch', 'file', '-']), {
    input: `${commands.join('\n')}\n`,
  });
}

/** Bytes as bpftool takes them: decimal, least significant first on this machine. */
export function bytes32(value: number): string {
  const buffer = Buffer.alloc(4);
  if (endianness() === 'LE') buffer.writeUInt32LE(value);
  else buffer.writeUInt32BE(value);
  return [...buffer].join(' ');
}

/** Loads an XDP program and pins it, with maps made before. */
export async function loadXdp(
  object: string,
  pin: string,
  maps: Readonly<Record<string, string>>,
): Promise<void> {
  const reuse = Object.entries(maps).flatMap(([name, path]) => ['map', 'name', name, 'pinned', path]);
  await run('bpftool', ['prog', 'load', object, pin, 'type', 'xdp', ...reuse]);
}

/** Attaches a pinned program; replaces the one that is there between two packets. */
export async function attachXdpGeneric(pin: string, device: string, namespace?: string): Promise<void> {
  const attach = ['bpftool', 'net', 'attach', 'xdpgeneric', 'pinned', pin, 'dev', device, 'overwrite'];
  await run(...inNamespace(namespace, attach));
}

/** Detaches whatever generic XDP program is there; quiet when none is. */
export async function detachXdpGeneric(device: string): Promise<void> {
  await run('bpftool', ['net', 'detach', 'xdpgeneric', 'dev', device], { allowFailure: true });
}

/** Kernel id of a pinned program; undefined when there is no such pin. */
export async function pinnedProgramId(pin: string): Promise<number | undefined> {
  const { stdout, exitCode } = await run('bpftool', ['-j', 'prog', 'show', 'pinned', pin], {
    allowFailure: true,
  });
  return exitCode === 0 ? z.object({ id: z.int() }).parse(JSON.parse(stdout)).id : undefined;
}

const DumpSchema = z.array(
  z.object({
    key: z.array(z.string()),
    values: z.array(z.object({ cpu: z.int(), value: z.array(z.string()) })),
  }),
);

/** A pinned per-processor array of 64-bit counters, summed over processors; undefined when there is no such pin. */
export async function readPerCpuCounters(pin: string): Promise<number[] | undefined> {
  const { stdout, exitCode } = await run('bpftool', ['-j', 'map', 'dump', 'pinned', pin], {
    allowFailure: true,
    maxOutputBytes: 64 << 20,
  });
  if (exitCode !== 0) return undefined;
  return DumpSchema.parse(JSON.parse(stdout)).map((entry) =>
    entry.values.reduce((sum, one) => sum + toNumber(one.value), 0),
  );
}

/** Counters stay far below 2^53: a hundred million packets per second for three years. */
function toNumber(bytes: readonly string[]): number {
  const ordered = endianness() === 'LE' ? [...bytes].reverse() : bytes;
  return ordered.reduce((value, byte) => value * 256 + Number(byte), 0);
}
