/** Where a case of abuse is proved, from the titles of the tests: number -> test files, from `test/`. */
export function provenCases(tests: readonly { path: string; text: string }[]): Map<number, string[]> {
  const proven = new Map<number, string[]>();
  for (const { path, text } of tests) {
    for (const match of text.matchAll(/['"`]ABUSE (\d+): ./g)) {
      const number = Number(match[1]);
      const at = path.replace(/^test\//, '');
      const known = proven.get(number) ?? [];
      if (!known.includes(at)) proven.set(number, [...known, at]);
    }
  }
  return proven;
}

/**
 * The cases that test/PROMISES.md lists as unproven, with the reason: the table rows below the heading "Unproven" whose first
 * cell names one or more (`ABUSE 2`).
 */
export function unprovenCases(promises: string): Map<number, string> {
  const unproven = new Map<number, string>();
  const section = /\n## Unproven\n(.*?)(?=\n## |$)/s.exec(promises)?.[1] ?? '';
  for (const row of section.split('\n').filter((line) => line.startsWith('|'))) {
    const [, what = '', why = ''] = row.split('|').map((cell) => cell.trim());
    for (const match of what.matchAll(/ABUSE (\d+)/g)) unproven.set(Number(match[1]), why);
  }
  return unproven;
}

/** Writes the column "Proof" of test/security/README.md anew; everything else in the page stays. */
export function abuseReference(
  page: string,
  proven: ReadonlyMap<number, readonly string[]>,
  unproven: ReadonlyMap<number, string>,
): string {
  return page.replaceAll(/^\| (\d+) +\| (.*?) +\| *[^|\n]*\|$/gm, (_row, digits: string, text: string) => {
    const number = Number(digits);
    const proof = [
      ...(proven.get(number) ?? []).map((path) => `[${path}](../${path})`),
      ...(unproven.has(number) ? ['[unproven](../PROMISES.md#unproven)'] : []),
    ];
    return `| ${digits} | ${text} | ${proof.join(', ') || '_not built yet_'} |`;
  });
}
