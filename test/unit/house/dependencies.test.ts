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

test('the README says of every npm package why it is there', () => {
  const used = packages.flatMap(({ content }) =>
    Object.keys({ ...content.dependencies, ...content.devDependencies }),
  );
  const unsaid = [...new Set(used)]
    .filter((name) => !ours.has(name) && !name.startsWith('@types/'))
    .filter((name) => !said(name));
  expect(unsaid).toEqual([]);
});

test('the README says of every Debian package why it is there', () => {
  const listed = (files(/^scripts\/packages\.txt$/)[0]?.text ?? '')
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim().split(/\s+/)[0] ?? '')
    .filter((name) => /^[a-z0-9][a-z0-9.+-]+$/.test(name));
  expect(listed.length).toBeGreaterThan(5);
  expect([...new Set(listed)].filter((name) => !said(name))).toEqual([]);
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

/** Named in a table, either in full or by the part after the scope (`jetstream` beside `@nats-io/transport-node`). */
function said(name: string): boolean {
  return readme.includes(`\`${name}\``) || readme.includes(`\`${name.replace(/^@[^/]+\//, '')}\``);
}
