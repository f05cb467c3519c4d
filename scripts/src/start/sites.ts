import { readFile } from 'node:fs/promises';
import { site, type Site } from '@bulkhead/platform/kernel';

/** More on one machine show nothing new. */
export const SENSORS_MOST = 3;
/** What a sensor on its lab takes once its instruments run; the first also has the fleet, a rule manager and a downloader. */
const FIRST_MIB = 1_500;
const FURTHER_MIB = 900;

/** Where a sensor keeps its things that runs beside another: names, folders and a bus port of its own. */
export function siteBeside(prefix: string): Site {
  return site({
    prefix,
    stateDir: `/var/lib/bulkhead-beside/${prefix}`,
    runDir: `/run/bulkhead-beside/${prefix}`,
    natsPort: 30_000 + (Number.parseInt(prefix, 36) % 20_000),
    lxdProject: `bulkhead-${prefix}`,
    lxdPool: `bulkhead-${prefix}`,
  });
}

/** The sites of a fleet on this machine: the given one, then one with a number behind its prefix for each further sensor. */
export function fleetSites(first: Site, sensors: number): Site[] {
  const further = Array.from({ length: sensors - 1 }, (_, index) => String(index + 2));
  return [first, ...further.map((number) => siteBeside(`${first.prefix}${number}`))];
}

/**
 * Why so many sensors do not fit on this machine; undefined: they do.
 * @param availableMib memory that could be had without anything else going short
 */
export function tooManyFor(sensors: number, availableMib: number): string | undefined {
  const needMib = FIRST_MIB + (sensors - 1) * FURTHER_MIB;
  if (availableMib >= needMib) return undefined;
  const fit = Math.floor((availableMib - FIRST_MIB) / FURTHER_MIB) + 1;
  return (
    `${String(sensors)} sensors need about ${String(needMib)} MiB of memory, and ${String(availableMib)} MiB are free` +
    (fit < 1 ? '' : `: enough for ${String(fit)}`)
  );
}

export async function availableMemoryMib(): Promise<number> {
  const text = await readFile('/proc/meminfo', 'utf8');
  return Math.floor(Number(/^MemAvailable:\s+(\d+) kB/m.exec(text)?.[1] ?? 0) / 1024);
}
