import { readdir, readFile, readlink } from 'node:fs/promises';

/** Processor time of all threads of a process so far, in nanoseconds (scheduler's account, not ticks). */
export async function processorNs(pid: number): Promise<number> {
  const dir = `/proc/${String(pid)}/task`;
  const times = (await readdir(dir)).map(async (task) => {
    const text = await readFile(`${dir}/${task}/schedstat`, 'utf8');
    return Number(text.split(' ')[0]);
  });
  return (await Promise.all(times)).reduce((sum, time) => sum + time, 0);
}

/**
 * The newest process whose command line fits and which is where it should be.
 * @param place a part of its cgroup's name, or, when it begins with `/`, its root folder
 */
export async function findProcess(commandLine: RegExp, place: string): Promise<number> {
  const found: number[] = [];
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const text = (await readFile(`/proc/${entry}/cmdline`, 'utf8')).replaceAll('\0', ' ');
      if (!commandLine.test(text)) continue;
      const where = place.startsWith('/')
        ? await readlink(`/proc/${entry}/root`)
        : await readFile(`/proc/${entry}/cgroup`, 'utf8');
      if (where.includes(place)) found.push(Number(entry));
    } catch {
      // it ended while we looked
    }
  }
  const pid = found.sort((a, b) => a - b).at(-1);
  if (pid === undefined) throw new Error(`no process ${String(commandLine)} runs in ${place}`);
  return pid;
}
