import { spawn, type ChildProcess } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { run, waitFor } from '@bulkhead/platform/kernel';

const SOURCE = join(dirname(fileURLToPath(import.meta.url)), '..', 'c', 'volatile-disk.c');

/** What of the disk's unflushed writes survives a power cut. */
export interface Cut {
  /** The same seed chooses the same survivors. */
  seed: number;
  /** How many of 100 unflushed units survive; 0 = an empty cache, 100 = a cache with a battery. */
  keepPercent: number;
  /** Size of a unit: what the disk writes whole. */
  grainBytes: 512 | 4096;
  /** So many more write requests are served before the power goes; a second without any ends the waiting. */
  waitWrites: number;
}

/** Which requests the disk answers with an I/O error. */
export type Fault = 'none' | 'write' | 'flush' | 'both';

/**
 * An ext4 file system on a disk with a volatile write cache: what was written and not flushed is lost, in part or
 * whole, when the power is cut. The real ext4, the real loop driver; only the medium is a program (see the C source).
 *
 * INVARIANTS: commands are answered in the order in which they were sent, one line each. `dispose` undoes whatever
 * `open` got done, also when `open` failed half-way.
 */
export class VolatileDisk {
  /** Where the file system is mounted. */
  readonly path: string;
  readonly #folder: string;
  readonly #answers: ((line: string) => void)[] = [];
  #medium: ChildProcess | undefined;
  #device: string | undefined;

  private constructor(folder: string) {
    this.#folder = folder;
    this.path = join(folder, 'fs');
  }

  /** Makes, formats and mounts a disk of its own. */
  static async open(sizeMib: number): Promise<VolatileDisk> {
    const folder = await mkdtemp(join(tmpdir(), 'disk-'));
    const disk = new VolatileDisk(folder);
    try {
      await disk.#make(sizeMib);
    } catch (error) {
      await disk.dispose();
      throw error;
    }
    return disk;
  }

  /** Writes what a power cut now, or some requests later, leaves to a file; the disk itself goes on. */
  async cut(file: string, cut: Cut): Promise<{ unflushed: number; kept: number }> {
    const answer = await this.#ask(
      `cut ${file} ${[cut.seed, cut.keepPercent, cut.grainBytes, cut.waitWrites].join(' ')}`,
    );
    const [unflushed, kept] = answer.split(' ').slice(1).map(Number);
    return { unflushed: unflushed ?? 0, kept: kept ?? 0 };
  }

  async fail(fault: Fault): Promise<void> {
    await this.#ask(`fault ${fault}`);
  }

  /** Requests that were refused by a fault, and cache flushes, since the start. */
  async counters(): Promise<{ flushes: number; refused: number }> {
    const [, flushes, , refused] = (await this.#ask('stat')).split(' ').slice(1).map(Number);
    return { flushes: flushes ?? 0, refused: refused ?? 0 };
  }

  async dispose(): Promise<void> {
    await run('umount', [this.path], { allowFailure: true });
    if (this.#device !== undefined) await run('losetup', ['-d', this.#device], { allowFailure: true });
    const medium = this.#medium;
    if (medium?.exitCode === null) {
      const ended = new Promise((resolve) => medium.once('exit', resolve));
      medium.stdin?.end();
      await ended;
    }
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #make(sizeMib: number): Promise<void> {
    const program = join(this.#folder, 'volatile-disk');
    const medium = join(this.#folder, 'medium');
    await chmod(this.#folder, 0o711);
    await Promise.all([this.path, medium].map((dir) => mkdir(dir)));
    await run('gcc', ['-O2', '-o', program, SOURCE]);
    const child = spawn(program, [medium, String(sizeMib)], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#medium = child;
    const ready = new Promise<string>((resolve) => this.#answers.push(resolve));
    createInterface({ input: child.stdout }).on('line', (line) => this.#answers.shift()?.(line));
    const ended = new Promise<never>((_, reject) => {
      child.once('error', reject);
      child.once('exit', (code) => {
        reject(new Error(`volatile-disk ended with ${String(code)}`));
      });
    });
    ended.catch(() => undefined);
    await Promise.race([ready, ended]);
    const { stdout } = await run('losetup', ['-f', '--show', join(medium, 'disk')]);
    this.#device = stdout.trim();
    await formatExt4(this.#device);
    await run('mount', ['-t', 'ext4', '-o', 'noatime', this.#device, this.path]);
    await chmod(this.path, 0o711);
  }

  async #ask(command: string): Promise<string> {
    const answer = new Promise<string>((resolve) => this.#answers.push(resolve));
    this.#medium?.stdin?.write(`${command}\n`);
    return answer;
  }
}

/** An image that a cut left, mounted as after the next boot: the journal is replayed. */
export async function mountImage(
  image: string,
  at: string,
): Promise<{ path: string; unmount(): Promise<void> }> {
  await mkdir(at, { recursive: true });
  await run('mount', ['-t', 'ext4', '-o', 'loop,noatime', image, at]);
  return {
    path: at,
    unmount: async () => {
      await waitFor(`${at} to be free`, 10_000, async () => {
        const { exitCode } = await run('umount', [at], { allowFailure: true });
        return exitCode === 0;
      });
      await rm(at, { recursive: true, force: true });
    },
  };
}

/** A small ext4 whose tables are written at once, so that no background work mixes with a test's writes. */
export async function formatExt4(target: string): Promise<void> {
  await run('mkfs.ext4', [
    ...['-q', '-F', '-m', '0', '-J', 'size=4'],
    ...['-E', 'nodiscard,lazy_itable_init=0,lazy_journal_init=0', target],
  ]);
}
