import type { CatalogueEntry } from '@bulkhead/platform/contracts';

/**
 * The error reference for people, `platform/contracts/ERRORS.md`, from the catalogue. A test compares the two; to write it
 * again: `npm run errors-doc`.
 */
export function errorReference(catalogue: Readonly<Record<string, CatalogueEntry>>): string {
  const rooms = new Map<string, [string, CatalogueEntry][]>();
  for (const [code, entry] of Object.entries(catalogue).sort(([a], [b]) => (a < b ? -1 : 1))) {
    const room = code.slice(0, code.indexOf('_')).toLowerCase();
    rooms.set(room, [...(rooms.get(room) ?? []), [code, entry]]);
  }
  return [
    '# Errors',
    '',
    'Every code that the platform raises. A code never changes its meaning; it starts with the room that raises it. An error carries',
    'the code, a message that says what failed and on what, a hint, and fields for machines (`pointer`, `instrument`, ...).',
    'Generated from `errors/*.ts` by `npm run errors-doc`; a test compares the two.',
    '',
    ...[...rooms].flatMap(([room, entries]) => [
      `## ${room}`,
      '',
      ...entries.flatMap(([code, { title, hint }]) => [`**${code}**`, title, `_What to do:_ ${hint}`, '']),
    ]),
  ].join('\n');
}
