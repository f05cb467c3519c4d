import { expect, test } from 'vitest';
import { files } from './repository.ts';

interface PackageFile {
  name: string;
  license?: string;
  private?: boolean;
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
}

const readme = files(/^README\.md$/)[0]?.text ?? '';
const packages = files(/(^|\/)package\.json$/).map(({ path, text }) => ({
  path,
  content: JSON.parse(text) as PackageFile,
}));
const ours = new Set(packages.map(({ content }) => content.name));

const npm = new Set(
  packages
    .flatMap(({ content }) => Object.keys({ ...content.dependencies, ...content.devDependencies }))
    .filter((name) => !ours.has(name) && !name.startsWith('@types/')),
);
const debian = new Set(
  (files(/^scripts\/packages\.txt$/)[0]?.text ?? '')
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim().split(/\s+/)[0] ?? '')
    .filter((name) => name !== ''),
);

test('the README says of every npm package why it is there, and of no other', () => {
  // A name may stand without its scope beside another of the same scope.
  const short = (name: string) => name.replace(/^@[^/]+\//, '');
  const said = explained('npm package').map(short);
  expect([...npm].map(short).sort()).toEqual([...new Set(said)].sort());
});

test('the README says of every Debian package why it is there, and of no other', () => {
  expect([...debian].sort()).toEqual([...new Set(explained('Debian package'))].sort());
});

test('every package is private and under the licence of the project', () => {
  const strange = packages.filter(
    ({ content }) => content.license !== 'Apache-2.0' || content.private !== true,
  );
  expect(strange.map(({ path }) => path)).toEqual([]);
});

test('one version range of a package in the whole house', () => {
  const ranges = new Map<string, Set<string>>();
  for (const { content } of packages) {
    for (const [name, range] of Object.entries({ ...content.dependencies, ...content.devDependencies })) {
      ranges.set(name, (ranges.get(name) ?? new Set()).add(range));
    }
  }
  expect([...ranges].filter(([, set]) => set.size > 1).map(([name, set]) => [name, ...set])).toEqual([]);
});

/** The names in the first column of the README's table with this heading. */
function explained(heading: string): string[] {
  const table = new RegExp(`^\\| ${heading} .*\\n(?:\\|.*\\n)+`, 'm').exec(readme)?.[0] ?? '';
  return table
    .split('\n')
    .slice(2)
    .flatMap((row) => [...(row.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].map((match) => match[1]!));
}
