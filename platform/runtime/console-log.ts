/** Longer lines are cut. */
const MAX_LINE = 2_000;

/**
 * The last `lines` lines of a console log as safe text: what an instrument writes there is hostile and may end up on an
 * operator's terminal, so escape sequences and control characters are removed.
 */
export function lastLines(text: string, lines: number): string[] {
  const clean = text
    .replace(/\u001b\[[0-?]*[ -/]*[@-~]/g, '') // CSI, ECMA-48
    .replace(/\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)/g, '') // OSC: titles, clipboard, links
    .split(/\r?\n/)
    .map((line) =>
      line
        .replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '')
        .slice(0, MAX_LINE),
    );
  while (clean.length > 0 && clean[clean.length - 1] === '') clean.pop();
  return lines <= 0 ? [] : clean.slice(-lines);
}

/** The first reasons in liblxc's log (`lxc <name> <time> ERROR <part> - <file>:<function>:<line> - <text>`), if any. */
export function startErrors(log: string): string | undefined {
  const reasons = log
    .split('\n')
    .map((line) => / ERROR +\S+ - \S+ - (.+)$/.exec(line)?.[1])
    .filter((reason) => reason !== undefined);
  return reasons.length === 0 ? undefined : reasons.slice(0, 3).join('; ').slice(0, 600);
}
