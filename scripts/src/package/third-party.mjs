// Prints the licences of the npm packages whose code is in the bundles: node third-party.mjs CHECKOUT
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = process.argv[2] ?? '.';
const installed = JSON.parse(readFileSync(join(root, 'node_modules/.package-lock.json'), 'utf8')).packages;
for (const [path, { version, license, dev, link }] of Object.entries(installed).sort(([a], [b]) =>
  a < b ? -1 : 1,
)) {
  if (dev === true || link === true || !path.startsWith('node_modules/') || !existsSync(join(root, path)))
    continue;
  const texts = readdirSync(join(root, path)).filter((name) => /^(licen[sc]e|copying|notice)/i.test(name));
  process.stdout.write(
    `${'='.repeat(80)}\n${path.replace(/^.*node_modules\//, '')} ${version} (${license ?? 'see below'})\n\n`,
  );
  for (const name of texts.sort())
    process.stdout.write(`${readFileSync(join(root, path, name), 'utf8').trim()}\n\n`);
}
