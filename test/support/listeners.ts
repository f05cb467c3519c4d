import { readdir, readFile, readlink } from 'node:fs/promises';

/** A process, as far as it can be told from outside. */
export interface SeenProcess {
  pid: number;
  parent: number;
  command: string;
}

/** A TCP socket that waits for connections. */
export interface Listener {
  pid: number;
  command: string;
  /** `127.0.0.1`, `::1`, `0.0.0.0`, …; IPv6 in full hexadecimal groups where it is nothing that is known. */
  address: string;
  port: number;
  /** Of the network namespace. */
  network: string;
}

/** All processes that can be seen. */
export async function allProcesses(): Promise<SeenProcess[]> {
  const found: SeenProcess[] = [];
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const [stat, line] = await Promise.all([
      readFile(`/proc/${name}/stat`, 'utf8').catch(() => ''),
      readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => ''),
    ]);
    // The name in brackets may hold anything; what follows it may not.
    const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    if (stat !== '') found.push({ pid: Number(name), parent, command: line.replaceAll('\0', ' ').trim() });
  }
  return found;
}

/** Those that fit, and everything that they started. */
export function withDescendants(
  all: readonly SeenProcess[],
  fits: (one: SeenProcess) => boolean,
): SeenProcess[] {
  const members = new Set(all.filter(fits).map(({ pid }) => pid));
  for (let before = -1; before !== members.size;) {
    before = members.size;
    for (const { pid, parent } of all) if (members.has(parent)) members.add(pid);
  }
  return all.filter(({ pid }) => members.has(pid));
}

/** What these processes listen on, each in its own network namespace. */
export async function listenersOf(processes: readonly SeenProcess[]): Promise<Listener[]> {
  const found: Listener[] = [];
  for (const { pid, command } of processes) {
    const network = await readlink(`/proc/${String(pid)}/ns/net`).catch(() => '');
    const inodes = await socketInodes(pid);
    for (const table of ['tcp', 'tcp6']) {
      const text = await readFile(`/proc/${String(pid)}/net/${table}`, 'utf8').catch(() => '');
      for (const line of text.split('\n').slice(1)) {
        const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/);
        const LISTEN = '0A';
        if (state !== LISTEN || !inodes.has(inode)) continue;
        const [address = '', port = ''] = local.split(':');
        found.push({ pid, command, address: addressOf(address), port: parseInt(port, 16), network });
      }
    }
  }
  return found;
}

async function socketInodes(pid: number): Promise<Set<string>> {
  const folder = `/proc/${String(pid)}/fd`;
  const names = await readdir(folder).catch(() => []);
  const targets = await Promise.all(names.map((name) => readlink(`${folder}/${name}`).catch(() => '')));
  return new Set(targets.flatMap((target) => /^socket:\[(\d+)\]$/.exec(target)?.[1] ?? []));
}

/** As the kernel writes it: words of 32 bits in the machine's own (little-endian) order. */
function addressOf(hex: string): string {
  const bytes = (hex.match(/.{8}/g) ?? []).flatMap((word) =>
    (word.match(/../g) ?? []).map((byte) => parseInt(byte, 16)).reverse(),
  );
  if (bytes.length === 4) return bytes.join('.');
  const mapped = bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 255 && bytes[11] === 255;
  if (mapped) return bytes.slice(12).join('.');
  if (bytes.every((byte, index) => byte === (index === 15 ? 1 : 0))) return '::1';
  if (bytes.every((byte) => byte === 0)) return '::';
  return Buffer.from(bytes)
    .toString('hex')
    .replaceAll(/(.{4})(?=.)/g, '$1:');
}
