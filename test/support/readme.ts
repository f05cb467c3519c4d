import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

/** The `sh` blocks of a chapter (`## Title`) of the top README, word by word and in their order. */
export async function commandsOf(chapter: string): Promise<string[]> {
  const text = await readFile(fileURLToPath(new URL('../../README.md', import.meta.url)), 'utf8');
  const body = text.split(/^## /m).find((part) => part.startsWith(`${chapter}\n`));
  if (body === undefined) throw new Error(`the README has no chapter ${chapter}`);
  return [...body.matchAll(/^```sh\n(.*?)^```$/gms)].map((match) => match[1] ?? '');
}

/** Puts values in the place of what the README leaves open, such as `<version>`. */
export function fillIn(commands: string, values: Readonly<Record<string, string>>): string {
  return commands.replace(/<([a-z]+)>/g, (whole, name: string) => values[name] ?? whole);
}
