import { existsSync, readFileSync } from 'node:fs';
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

  /**
   * @param rules take the place of the managed rules; others than those that run: Suricata keeps what it compiled from patterns, and
   *   a reload of the same ones takes a sixth of the time
   */
  async testAndReload(rules: string, signal: AbortSignal): Promise<{ testS: number; reloadS: number }> {
    const config = (await this.#inside(['/bin/cat', CONFIG])).stdout;
    const folder = /^default-rule-path: "([^"]+)"/m.exec(config)?.[1];
    const file = /"(managed\/[^"]+)"/.exec(config)?.[1];
    if (folder === undefined || file === undefined) throw new Error(`no managed rules in ${CONFIG}`);
    await this.#write(`${folder}/${file}`, rules);
    // Records and files of a test must not go where those of the running one go.
    const apart = config.replaceAll(/"\/var\/lib\/instrument\/transient\/run(\/[^"]*)?"/g, '"/tmp$1"');
    await this.#write(TEST_CONFIG, apart);
    const test = ['/usr/bin/suricata', '-T', '-c', TEST_CONFIG, '-l', '/tmp', '--init-errors-fatal'];
    const testS = await this.#timed(test, signal);
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
    const began = performance.now();
    await this.#inside(command);
    return (performance.now() - began) / 1000;
  }

  async #write(path: string, text: string): Promise<void> {
    await this.#inside(['/bin/sh', '-c', 'cat > "$1"', 'sh', path], text);
  }

  /** As the instrument's user: the host's root is nobody in there. */
  async #inside(command: readonly string[], stdin?: string) {
    const enter = ['-t', String(this.#pid), '-a', '-S', '1000', '-G', '1000', '--'];
    return run('nsenter', [...enter, ...command], {
      timeoutMs: LONG_MS,
      ...(stdin === undefined ? {} : { input: stdin }),
    });
  }
}
