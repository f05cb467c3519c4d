import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Folder of the repository. */
export const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** Folders whose files are not ours, or made from ours. */
const FOREIGN = new Set(['.git', 'node_modules', 'build', 'generated', 'dist']);

/** A file of the repository with what it holds. */
export interface SourceFile {
  /** From the root, e.g. `platform/bus/index.ts`. */
  path: string;
  text: string;
}

/** The files of the repository, committed or about to be, whose path matches. (Not asked from git: a copy has none.) */
export function files(pattern: RegExp): SourceFile[] {
  return [...below('')]
    .filter((path) => pattern.test(path))
    .sort()
    .map((path) => ({ path, text: readFileSync(join(ROOT, path), 'utf8') }));
}

function* below(dir: string): Generator<string> {
  for (const entry of readdirSync(join(ROOT, dir), { withFileTypes: true })) {
    const path = dir === '' ? entry.name : `${dir}/${entry.name}`;
    if (entry.isDirectory() && !FOREIGN.has(entry.name)) yield* below(path);
    else if (entry.isFile() && !entry.name.endsWith('.tsbuildinfo')) yield path;
  }
}

/** `path:line` of every match, for a message that leads there. */
export function places(sources: SourceFile[], pattern: RegExp): string[] {
  return sources.flatMap(({ path, text }) =>
    text
      .split('\n')
      .flatMap((line, index) =>
        pattern.test(line) ? [`${path}:${index + 1}: ${line.trim().slice(0, 120)}`] : [],
      ),
  );
}
