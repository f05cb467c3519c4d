// npm-state.mjs <checkout>: exit 0 when node_modules holds every package of package-lock.json in the version that it names.
// Runs before there is anything that could run TypeScript.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = process.argv[2] ?? '.';
const read = (file) => JSON.parse(readFileSync(join(root, file), 'utf8'));
try {
  const wanted = read('package-lock.json').packages;
  const present = read('node_modules/.package-lock.json').packages;
  const wrong = Object.entries(wanted).filter(([path, entry]) => {
    if (!path.startsWith('node_modules/') || entry.link === true) return false;
    if (entry.optional === true && present[path] === undefined) return false; // for another processor or system
    return present[path]?.version !== entry.version || !existsSync(join(root, path));
  });
  process.exitCode = wrong.length === 0 ? 0 : 1;
} catch {
  process.exitCode = 1;
}
