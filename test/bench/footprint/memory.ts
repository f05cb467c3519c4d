import { readdir, readFile } from 'node:fs/promises';

/** Whose memory a process counts as. */
export interface Part {
  name: string;
  /** Does this process belong to it? */
  fits: (process: { pid: number; commandLine: string; cgroup: string }) => boolean;
}

/** Memory by part in MiB, proportional (PSS): a page that several share is counted once in all. */
export type MemoryMib = Record<string, number>;

/** Looks at every process once. A process counts for the first part that it fits. */
export async function memoryOf(parts: readonly Part[]): Promise<MemoryMib> {
  const memory: MemoryMib = Object.fromEntries(parts.map(({ name }) => [name, 0]));
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const commandLine = (await readFile(`/proc/${entry}/cmdline`, 'utf8')).replaceAll('\0', ' ');
      const cgroup = await readFile(`/proc/${entry}/cgroup`, 'utf8');
      const part = parts.find(({ fits }) => fits({ pid: Number(entry), commandLine, cgroup }));
      if (part === undefined) continue;
      const rollup = await readFile(`/proc/${entry}/smaps_rollup`, 'utf8');
      const kib = Number(/^Pss:\s+(\d+) kB/m.exec(rollup)?.[1] ?? 0);
      memory[part.name] = (memory[part.name] ?? 0) + kib / 1024;
    } catch {
      // it ended while we looked
    }
  }
  return memory;
}

/** Keeps the highest of each part, and the highest sum at any one moment. */
export class MemoryWatch {
  readonly #parts: readonly Part[];
  readonly #peak: MemoryMib = {};
  #peakSum = 0;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();

  constructor(parts: readonly Part[]) {
    this.#parts = parts;
  }

  start(everyMs: number): void {
    this.#timer = setInterval(() => {
      this.#looking = this.#looking.then(() => this.#look());
    }, everyMs);
  }

  async stop(): Promise<{ peak: MemoryMib; peakSum: number }> {
    clearInterval(this.#timer);
    await this.#looking;
    await this.#look();
    return { peak: this.#peak, peakSum: this.#peakSum };
  }

  async #look(): Promise<void> {
    const now = await memoryOf(this.#parts);
    for (const [name, mib] of Object.entries(now)) this.#peak[name] = Math.max(this.#peak[name] ?? 0, mib);
    this.#peakSum = Math.max(
      this.#peakSum,
      Object.values(now).reduce((sum, mib) => sum + mib, 0),
    );
  }
}
