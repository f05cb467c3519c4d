import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ERROR_CATALOGUE } from '@bulkhead/platform/contracts';
import { errorReference } from '../../../scripts/lint/error-reference.ts';
import { files, ROOT } from './repository.ts';

const ROOM_PREFIXES =
  'KERNEL|LXD|RUNTIME|BUS|NETWORK|STORAGE|PACKAGES|DATA|EVENTS|HEALTH|SENSORD|CLI|START|FLEET';
const sources = files(/^(platform|scripts|instruments|fleet-ui)\/.*\.ts$/).filter(
  ({ path }) => !path.startsWith('platform/contracts/errors/') && !path.endsWith('.d.ts'),
);

/** Codes that the sources name, each with the first file that does. A code that is passed on is a literal somewhere too. */
function namedCodes(): Map<string, string> {
  const named = new Map<string, string>();
  for (const { path, text } of sources) {
    for (const match of text.matchAll(new RegExp(`['"]((?:${ROOM_PREFIXES})_[A-Z0-9_]+)['"]`, 'g'))) {
      if (!named.has(match[1]!)) named.set(match[1]!, path);
    }
  }
  return named;
}

test('every code that a source raises is in the catalogue', () => {
  const unknown = [...namedCodes()].filter(([code]) => !Object.hasOwn(ERROR_CATALOGUE, code));
  expect(unknown).toEqual([]);
});

test('every code that a source raises starts with the name of a room', () => {
  // Codes of instruments are their own; the web app's never leave the browser.
  const platform = sources.filter(({ path }) => !/^(instruments|fleet-ui\/web)\//.test(path));
  const strange = platform.flatMap(({ path, text }) =>
    [...text.matchAll(/\bcode: ['"]([A-Z][A-Z0-9]*_[A-Z0-9_]+)['"]/g)]
      .map((match) => match[1]!)
      .filter((code) => !new RegExp(`^(${ROOM_PREFIXES})_`).test(code) && !/^(UND_)?ERR_/.test(code))
      .map((code) => `${path}: ${code}`),
  );
  expect(strange).toEqual([]);
});

test('every code of the catalogue is raised somewhere', () => {
  const named = namedCodes();
  expect(Object.keys(ERROR_CATALOGUE).filter((code) => !named.has(code))).toEqual([]);
});

test('every entry says what happened and what to do', () => {
  const poor = Object.entries(ERROR_CATALOGUE).filter(
    ([code, { title, hint }]) =>
      !/^[A-Z][A-Z0-9]*(_[A-Z0-9]+)+$/.test(code) || title.trim().length < 8 || hint.trim().length < 8,
  );
  expect(poor.map(([code]) => code)).toEqual([]);
});

test('platform/contracts/ERRORS.md is what the catalogue says (written by: npm run errors-doc)', () => {
  expect(readFileSync(join(ROOT, 'platform/contracts/ERRORS.md'), 'utf8')).toBe(
    errorReference(ERROR_CATALOGUE),
  );
});
