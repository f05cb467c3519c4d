/** What a rule manager takes at once; the server has the same bound. */
export const RULES_CHARACTERS_MOST = 7_000_000;

/** A name for the source of these rules, made of what the file is called; empty when nothing of it can be used. Pure. */
export function sourceNameOf(fileName: string): string {
  const base = (fileName.split(/[\\/]/).at(-1) ?? '').replace(/\.(?:rules|txt)$/i, '');
  return base
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 24)
    .replace(/^-+|-+$/g, '');
}

/** Why a file is not sent; undefined: it is. Pure. */
export function fileFault({ size, text }: { size: number; text: string | undefined }): string | undefined {
  if (size === 0 || text?.trim() === '') return 'The file is empty.';
  if (size > RULES_CHARACTERS_MOST)
    return `The file is larger than ${String(RULES_CHARACTERS_MOST / 1_000_000)} MB, the most that a rule manager takes at once. Let it download larger ones as a source.`;
  if (text?.includes('\0') === true)
    return 'This is no text. Unpack archives first, or let the rule manager download them as a source.';
  return undefined;
}
