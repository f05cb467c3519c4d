import type { LinkView, SeenStatus } from '@bulkhead/fleet-api';
import { byteWords, percentWords } from '../../text/number-words.ts';
import { durationWords } from '../../text/time-words.ts';

type Clock = Pick<LinkView, 'clockDifferenceMs' | 'clockWrong'>;

/** How the clock of a sensor stands to the fleet's. Pure. */
export function clockWords(link: Clock | undefined): string {
  const differenceMs = link?.clockDifferenceMs;
  if (differenceMs === undefined) return 'not compared yet';
  if (Math.abs(differenceMs) < 1_000) return 'as the fleet’s, within a second';
  const off = `${durationWords(Math.abs(differenceMs) / 1000)} ${differenceMs > 0 ? 'ahead of' : 'behind'} the fleet’s`;
  return link?.clockWrong === true ? `${off}: times of its events cannot be compared` : off;
}

/** The health of a machine as the commissioning record lists it: what, and how it is. What a sensor does not tell is left out. Pure. */
export function machineFacts(
  { host, volumes = [] }: Pick<SeenStatus, 'host' | 'volumes'>,
  link: Clock | undefined,
): [what: string, words: string][] {
  const { cpus = 0, load1, memoryBytes = 0, memoryFreeBytes = 0, disks = [] } = host ?? {};
  const facts: [what: string, words: string][] = [];
  if (load1 !== undefined && cpus > 0) {
    const processors = cpus === 1 ? '1 processor' : `${String(cpus)} processors`;
    facts.push(['Load, mean of one minute', `${String(load1)} on ${processors}`]);
  }
  if (memoryBytes > 0) facts.push(['Memory', takenWords(memoryBytes - memoryFreeBytes, memoryBytes)]);
  for (const { what, totalBytes, freeBytes } of disks)
    facts.push([`Disk for ${what}`, takenWords(totalBytes - freeBytes, totalBytes)]);
  for (const { name, state, sizeBytes, usedBytes } of volumes)
    facts.push([`Volume of ${name}`, `${volumeWords(state)}${takenWords(usedBytes, sizeBytes)}`]);
  return [...facts, ['Clock', clockWords(link)]];
}

function takenWords(takenBytes: number, ofBytes: number): string {
  return `${byteWords(takenBytes)} of ${byteWords(ofBytes)} taken (${percentWords(takenBytes, ofBytes)})`;
}

function volumeWords(state: string | undefined): string {
  if (state === undefined) return '';
  return `${state === 'unlocked' ? 'open' : state}, `;
}
