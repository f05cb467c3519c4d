import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { run } from '@bulkhead/platform/kernel';

/** A network namespace with the container ends of a capture engine's pairs, and the host ends beside it. */
export interface EngineNamespace {
  name: string;
  /** Namespace that holds the host ends `hin0` and `hout0`; nothing of it is in the machine's own namespace. */
  outside: string;
  exec(args: readonly string[], options?: { allowFailure?: boolean; input?: string }): Promise<string>;
  execOutside(args: readonly string[]): Promise<string>;
  /** Runs TypeScript inside, as a non-root user that holds CAP_NET_ADMIN there and nothing else. */
  start(source: string): Promise<ChildProcess>;
  remove(): Promise<void>;
}

/** Makes the namespaces; `pairs` pairs of links, down as a container finds them. */
export async function engineNamespace(label: string, pairs = 1): Promise<EngineNamespace> {
  const folder = await mkdtemp(join(tmpdir(), `${label}-`));
  const name = `${label}-in`;
  const outside = `${label}-out`;
  await removeNamespaces(name, outside);
  await run('ip', ['netns', 'add', name]);
  await run('ip', ['netns', 'add', outside]);
  for (let index = 0; index < pairs; index += 1) {
    for (const end of [`in${String(index)}`, `out${String(index)}`]) {
      await run('ip', [
        '-n',
        outside,
        'link',
        'add',
        'dev',
        `h${end}`,
        'type',
        'veth',
        'peer',
        'name',
        end,
        'netns',
        name,
      ]);
      await run('ip', ['netns', 'exec', outside, 'sysctl', '-qw', `net.ipv6.conf.h${end}.disable_ipv6=1`]);
      await run('ip', ['-n', outside, 'link', 'set', 'dev', `h${end}`, 'up']);
    }
  }
  const children: ChildProcess[] = [];
  return {
    name,
    outside,
    exec: async (args, options = {}) => (await run('ip', ['netns', 'exec', name, ...args], options)).stdout,
    execOutside: async (args) => (await run('ip', ['netns', 'exec', outside, ...args])).stdout,
    start: async (source) => {
      const entry = join(folder, 'entry.ts');
      const bundle = join(folder, `entry-${String(children.length)}.mjs`);
      await writeFile(entry, source);
      await build({
        entryPoints: [entry],
        outfile: bundle,
        bundle: true,
        platform: 'node',
        format: 'esm',
        logLevel: 'silent',
      });
      await run('chmod', ['-R', 'a+rX', folder]);
      const caps = '-all,+net_admin';
      const args = [
        'netns',
        'exec',
        name,
        'setpriv',
        '--reuid',
        '1000',
        '--regid',
        '1000',
        '--clear-groups',
        '--no-new-privs',
      ];
      args.push('--inh-caps', caps, '--ambient-caps', caps, '--bounding-set', caps, process.execPath, bundle);
      const child = spawn('ip', args, { stdio: ['ignore', 'pipe', 'inherit'] });
      children.push(child);
      return child;
    },
    remove: async () => {
      for (const child of children) child.kill('SIGKILL');
      await removeNamespaces(name, outside);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function removeNamespaces(...names: string[]): Promise<void> {
  for (const name of names) await run('ip', ['netns', 'del', name], { allowFailure: true });
}
