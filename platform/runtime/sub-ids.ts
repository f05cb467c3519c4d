import { appendFile, readFile } from 'node:fs/promises';
import type { Logger } from '../kernel/index.ts';
import {
  foreignRanges,
  IDS_PER_CONTAINER,
  overlaps,
  parseSubIds,
  type IdFiles,
  type IdRange,
} from './id-ranges.ts';

/** A range for each of 64 instruments, and the first that LXD keeps for containers that are not isolated. */
export const NEEDED_IDS = 65 * IDS_PER_CONTAINER;

/** Ranges below are common for users of desktop machines (useradd starts at 100000 and counts up). */
const FIRST_CHOICE = 1_000_000;

/**
 * Gives root the same range in subuid and subgid where it has none that is big enough and its own. LXD takes its ranges from
 * there when it starts; without any it uses a default that it does not compare with the machine's other users.
 * @returns the line that was added, or undefined when there was nothing to do.
 */
export async function ensureSubIds(files: IdFiles, log: Logger): Promise<string | undefined> {
  const others = await foreignRanges(files);
  const texts = await Promise.all(
    [files.subuid, files.subgid].map(async (file) => {
      const text = await readFile(file, 'utf8').catch(() => '');
      return { file, text, root: usable(parseSubIds(text, file), others) };
    }),
  );
  const lacking = texts.filter(({ root }) => root === undefined);
  if (lacking.length === 0) return undefined;
  // LXD counts users and groups from the same number: what one file has, the other gets.
  const have = texts.find(({ root }) => root !== undefined)?.root;
  const line = `root:${String(have?.first ?? freeRange(others, NEEDED_IDS))}:${String(have?.count ?? NEEDED_IDS)}`;
  for (const { file, text } of lacking) {
    await appendFile(file, `${text === '' || text.endsWith('\n') ? '' : '\n'}${line}\n`);
    log.info({ file, line }, 'id range for containers added');
  }
  return line;
}

/** The first id, in steps of a container's range, from which `count` ids belong to nobody. */
export function freeRange(others: readonly IdRange[], count: number): number {
  let first = FIRST_CHOICE;
  for (const other of [...others].sort((a, b) => a.first - b.first)) {
    if (!overlaps({ owner: 'root', first, count }, other)) continue;
    first = Math.ceil((other.first + other.count) / IDS_PER_CONTAINER) * IDS_PER_CONTAINER;
  }
  return first;
}

function usable(ranges: readonly IdRange[], others: readonly IdRange[]): IdRange | undefined {
  return ranges.find(
    (range) =>
      range.owner.endsWith(': root') &&
      range.count >= NEEDED_IDS &&
      !others.some((other) => overlaps(range, other)),
  );
}
