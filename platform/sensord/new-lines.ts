/** Lines of overlap that are looked for at most; a console that repeats itself for longer may be shown twice. */
const OVERLAP = 200;

/**
 * The lines of `now` that `before` did not have, where both are the ends of one growing log that may have been cut at its
 * beginning or begun anew. Pure.
 */
export function newLines(before: readonly string[], now: readonly string[]): string[] {
  const tail = before.slice(-OVERLAP);
  for (let end = now.length; end > 0; end -= 1) {
    const length = Math.min(tail.length, end);
    if (length === 0) break;
    const matches = tail.slice(-length).every((line, index) => now[end - length + index] === line);
    if (matches && (length === tail.length || end === length)) return now.slice(end);
  }
  return [...now];
}
