import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Folder of the repository. */
export const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** A file of the repository with what it holds. */
export interface SourceFile {
  /** From the root, e.g. `platform/bus/index.ts`. */
  path: string;
  text: string;
}

/**
 * The files that belong to the repository, committed or about to be, whose path matches.
 * Generated and foreign files (node_modules, build, generated/) are not among them.
 */
export function files(pattern: RegExp): SourceFile[] {
  const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], {
    cwd: ROOT,
    maxBuffer: 1 << 26,
  })
    .toString()
    .split('\0')
    .filter((path) => pattern.test(path) && !/(^|\/)(node_modules|generated|build)\//.test(path));
  return [...new Set(listed)].sort().flatMap((path) => {
    try {
      return [{ path, text: readFileSync(join(ROOT, path), 'utf8') }];
    } catch {
      return []; // deleted but not yet committed
    }
  });
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
