import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

/** The blocks of a language in a chapter (`## Title`) of the top README, word by word and in their order. */
export async function blocksOf(chapter: string, language: string): Promise<string[]> {
  const text = await readFile(fileURLToPath(new URL('../../README.md', import.meta.url)), 'utf8');
  const body = text.split(/^## /m).find((part) => part.startsWith(`${chapter}\n`));
  if (body === undefined) throw new Error(`the README has no chapter ${chapter}`);
  const blocks = body.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'));
  return [...blocks].map((match) => match[1] ?? '');
}

/** The commands of a chapter. */
export async function commandsOf(chapter: string): Promise<string[]> {
  return blocksOf(chapter, 'sh');
}

/** Puts values in the place of what the README leaves open, such as `<version>`. */
export function fillIn(commands: string, values: Readonly<Record<string, string>>): string {
  return commands.replace(/<([a-z]+)>/g, (whole, name: string) => values[name] ?? whole);
}
