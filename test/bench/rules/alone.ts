import { existsSync, readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { run, type Site } from '@bulkhead/platform/kernel';
import { findProcess } from '../ids/processor-time.ts';

const CONFIG = '/var/lib/instrument/transient/config/suricata.yaml';
const SOCKET = '/var/lib/instrument/transient/run/command.sock';
const TEST_CONFIG = '/tmp/alone.yaml';
const LONG_MS = 1_800_000;

/** Suricata's own test and reload of the rules that run, inside the instrument's container, without the instrument. */
export class EngineAlone {
  readonly #pid: number;

  private constructor(pid: number) {
    this.#pid = pid;
  }

  static async of(at: Site): Promise<EngineAlone> {
    const line = /^\/usr\/bin\/suricata -c \/var\/lib\/instrument/;
    return new EngineAlone(await findProcess(line, `${at.lxdProject}_${at.prefix}-suricata`));
  }

  async testAndReload(signal: AbortSignal): Promise<{ testS: number; reloadS: number }> {
    // Records and files of a test must not go where those of the running one go.
    const inside = `/proc/${String(this.#pid)}/root`;
    const text = await readFile(`${inside}${CONFIG}`, 'utf8');
    await writeFile(
      `${inside}${TEST_CONFIG}`,
      text.replaceAll(/"\/var\/lib\/instrument\/transient\/run(\/[^"]*)?"/g, '"/tmp$1"'),
      { mode: 0o644 },
    );
    const testS = await this.#timed(
      ['/usr/bin/suricata', '-T', '-c', TEST_CONFIG, '-l', '/tmp', '--init-errors-fatal'],
      signal,
    );
    const reloadS = await this.#timed(['/usr/bin/suricatasc', '-c', 'ruleset-reload-rules', SOCKET], signal);
    return { testS, reloadS };
  }

  /** Most memory that the container was charged with, in MiB; NaN when the kernel does not say. */
  peakMib(): number {
    const lines = readFileSync(`/proc/${String(this.#pid)}/cgroup`, 'utf8').split('\n');
    for (const line of lines) {
      const [, controllers = '', path = ''] = line.split(':');
      const top = path.replace(/(lxc\.payload\.[^/]+).*/, '$1');
      const file =
        controllers === ''
          ? `/sys/fs/cgroup${top}/memory.peak`
          : `/sys/fs/cgroup/memory${top}/memory.max_usage_in_bytes`;
      if ((controllers === '' || controllers === 'memory') && existsSync(file))
        return Math.round(Number(readFileSync(file, 'utf8')) / 2 ** 20);
    }
    return NaN;
  }

  async #timed(command: readonly string[], signal: AbortSignal): Promise<number> {
    signal.throwIfAborted();
    const enter = ['-t', String(this.#pid), '-a', '-S', '1000', '-G', '1000', '--'];
    const began = performance.now();
    await run('nsenter', [...enter, ...command], { timeoutMs: LONG_MS });
    return (performance.now() - began) / 1000;
  }
}
