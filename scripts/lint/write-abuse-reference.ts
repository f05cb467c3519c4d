import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { abuseReference, provenCases, unprovenCases } from './abuse-reference.ts';

// Started by `npm run abuse-doc` as a bundle, from the root of the repository.
const page = 'test/security/README.md';
const tests = readdirSync('test', { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.test.ts') && !path.startsWith('unit/house/')) // those only speak about cases
  .sort()
  .map((path) => ({ path, text: readFileSync(`test/${path}`, 'utf8') }));
const unproven = unprovenCases(readFileSync('test/PROMISES.md', 'utf8'));
writeFileSync(page, abuseReference(readFileSync(page, 'utf8'), provenCases(tests), unproven));
