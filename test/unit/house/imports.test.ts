import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ROOT } from './repository.ts';

interface Rule {
  name: string;
  comment?: string;
}
const config = createRequire(import.meta.url)('../../../scripts/lint/imports.cjs') as { forbidden: Rule[] };

/** Laid out like the repository; everything that it imports is allowed. */
const CLEAN: Record<string, string> = {
  'platform/kernel/index.ts': 'export const kernel = 1;\n',
  'platform/contracts/index.ts': `import { z } from 'zod';\nexport const contracts = z;\n`,
  'platform/node-lxd/index.ts': 'export const lxd = 1;\n',
  'platform/bus/index.ts': `export { bus } from './bus.ts';\n`,
  'platform/bus/bus.ts': `import { kernel } from '../kernel/index.ts';\nimport { contracts } from '../contracts/index.ts';\nexport const bus = [kernel, contracts];\n`,
  'platform/bus/knot.ts': `import type { Back } from './knot-back.ts';\nexport type Knot = Back;\n`,
  'platform/bus/knot-back.ts': 'export type Back = 1;\n',
  'platform/storage/index.ts': `import { kernel } from '@bulkhead/platform/kernel';\nexport const storage = kernel;\nexport interface Volume { n: number }\n`,
  'platform/runtime/index.ts': `import { lxd } from '@bulkhead/node-lxd';\nexport const runtime = lxd;\n`,
  'platform/sensord/index.ts': `import { bus } from '../bus/index.ts';\nimport { storage } from '../storage/index.ts';\nimport { runtime } from '../runtime/index.ts';\nexport const sensord = [bus, storage, runtime];\n`,
  'platform/cli/main.ts': `import { bus } from '../bus/index.ts';\nexport const cli = bus;\n`,
  'instruments/sdk/src/index.ts': `export { sdk } from './inner.ts';\n`,
  'instruments/sdk/src/inner.ts': 'export const sdk = 1;\n',
  'instruments/suricata/src/main.ts': `import { sdk } from '@bulkhead/sdk';\nexport const suricata = sdk;\n`,
  'instruments/capture-engine/src/main.ts': `import { sdk } from '@bulkhead/sdk';\nexport const engine = sdk;\n`,
  'fleet-ui/api/index.ts': 'export const api = 1;\n',
  'fleet-ui/server/main.ts': `import { api } from '../api/index.ts';\nimport { contracts } from '../../platform/contracts/index.ts';\nexport const server = [api, contracts];\n`,
  'fleet-ui/web/main.ts': `import { api } from '../api/index.ts';\nexport const web = api;\n`,
  'scripts/src/start.ts': `import { sensord } from '@bulkhead/platform/sensord';\nexport const start = sensord;\n`,
  'test/unit/bus/inner.ts': `import { bus } from '../../../platform/bus/bus.ts';\nimport { start } from '../../../scripts/src/start.ts';\nexport const inner = [bus, start];\n`,
};

/** One import that must be refused, and the rule that must refuse it. */
const VIOLATIONS: [rule: string, file: string, source: string][] = [
  [
    'no-cycles',
    'platform/bus/knot-back.ts',
    `import type { Knot } from './knot.ts';\nexport type Back = Knot;\n`,
  ],
  ['resolvable', 'platform/bus/nowhere.ts', `export { x } from './not-there.ts';\n`],
  ['kernel-is-a-leaf', 'platform/kernel/bad.ts', `export { contracts } from '../contracts/index.ts';\n`],
  [
    'contracts-are-a-leaf',
    'platform/contracts/bad.ts',
    `export { kernel } from '@bulkhead/platform/kernel';\n`,
  ],
  ['node-lxd-stands-alone', 'platform/node-lxd/bad.ts', `export { kernel } from '../kernel/index.ts';\n`],
  [
    'rooms-know-leaves-only',
    'platform/bus/bad-relative.ts',
    `export { storage } from '../storage/index.ts';\n`,
  ],
  [
    'rooms-know-leaves-only',
    'platform/bus/bad-subpath.ts',
    `export { storage } from '@bulkhead/platform/storage';\n`,
  ],
  [
    'rooms-know-leaves-only',
    'platform/bus/bad-type.ts',
    `export type { Volume } from '../storage/index.ts';\n`,
  ],
  [
    'rooms-know-leaves-only',
    'platform/bus/bad-lazy.ts',
    `export const late = () => import('../storage/index.ts');\n`,
  ],
  [
    'rooms-know-leaves-only',
    'platform/storage/bad-root.ts',
    `export { sensord } from '../sensord/index.ts';\n`,
  ],
  ['sensord-knows-rooms-only', 'platform/sensord/bad.ts', `export { cli } from '../cli/main.ts';\n`],
  [
    'cli-knows-the-platform-only',
    'platform/cli/bad.ts',
    `export { suricata } from '../../instruments/suricata/src/main.ts';\n`,
  ],
  [
    'every-platform-folder-is-known',
    'platform/newroom/index.ts',
    `export { kernel } from '../kernel/index.ts';\n`,
  ],
  [
    'sdk-stands-alone',
    'instruments/sdk/src/bad.ts',
    `export { contracts } from '@bulkhead/platform/contracts';\n`,
  ],
  [
    'instruments-know-the-sdk-only',
    'instruments/suricata/src/bad-platform.ts',
    `export { kernel } from '@bulkhead/platform/kernel';\n`,
  ],
  [
    'instruments-know-the-sdk-only',
    'instruments/suricata/src/bad-neighbour.ts',
    `export { engine } from '../../capture-engine/src/main.ts';\n`,
  ],
  ['by-the-front-door', 'platform/sensord/bad-inner.ts', `export { bus } from '../bus/bus.ts';\n`],
  [
    'sdk-by-the-front-door',
    'instruments/suricata/src/bad-inner.ts',
    `export { sdk } from '../../sdk/src/inner.ts';\n`,
  ],
  ['not-to-tests', 'platform/cli/bad-test.ts', `export { inner } from '../../test/unit/bus/inner.ts';\n`],
  [
    'not-to-tests',
    'instruments/suricata/src/bad-scripts.ts',
    `export { start } from '../../../scripts/src/start.ts';\n`,
  ],
  [
    'fleet-server-knows-api-and-contracts',
    'fleet-ui/server/bad.ts',
    `export { bus } from '../../platform/bus/index.ts';\n`,
  ],
  ['web-knows-api-only', 'fleet-ui/web/bad.ts', `export { server } from '../server/main.ts';\n`],
  [
    'fleet-api-is-a-leaf',
    'fleet-ui/api/bad.ts',
    `export { contracts } from '../../platform/contracts/index.ts';\n`,
  ],
  ['declared-dependencies-only', 'platform/bus/bad-npm.ts', `export { default } from 'fast-check';\n`],
];

let dir = '';
let clean: Violation[] = [];
let seeded: Violation[] = [];

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'bulkhead-imports-'));
  const seed = join(dir, 'seeded');
  await layOut(join(dir, 'clean'), CLEAN);
  await layOut(seed, {
    ...CLEAN,
    ...Object.fromEntries(VIOLATIONS.map(([, file, source]) => [file, source])),
  });
  [clean, seeded] = await Promise.all([cruise(join(dir, 'clean')), cruise(seed)]);
}, 60_000);
afterAll(async () => {
  await rm(dir, { recursive: true, force: true });
});

test('a tree that keeps the rules passes', () => {
  expect(clean).toEqual([]);
});

test.each(VIOLATIONS.map(([rule, file]) => ({ rule, file })))('$rule bites in $file', ({ rule, file }) => {
  expect(
    seeded.filter((violation) => violation.from === file).map((violation) => violation.rule.name),
  ).toContain(rule);
});

test('only seeded files are refused', () => {
  const files = new Set(VIOLATIONS.map(([, file]) => file));
  expect(seeded.filter((violation) => !files.has(violation.from))).toEqual([]);
});

test('every rule is proved to bite, and says why it is there', () => {
  const proved = new Set(VIOLATIONS.map(([rule]) => rule));
  expect(config.forbidden.filter((rule) => !proved.has(rule.name)).map((rule) => rule.name)).toEqual([]);
  expect(
    config.forbidden.filter((rule) => (rule.comment ?? '').length < 40).map((rule) => rule.name),
  ).toEqual([]);
});

interface Violation {
  from: string;
  to: string;
  rule: { name: string };
}

/** Makes a tree with the workspace packages of the repository, linked as npm links them. */
async function layOut(root: string, sources: Record<string, string>): Promise<void> {
  for (const [file, source] of Object.entries(sources)) {
    await mkdir(dirname(join(root, file)), { recursive: true });
    await writeFile(join(root, file), source);
  }
  for (const file of [
    'tsconfig.json',
    'package.json',
    'platform/package.json',
    'platform/node-lxd/package.json',
    'instruments/sdk/package.json',
    'instruments/suricata/package.json',
    'instruments/capture-engine/package.json',
  ]) {
    await cp(join(ROOT, file), join(root, file));
  }
  const modules = join(root, 'node_modules');
  await mkdir(join(modules, '@bulkhead'), { recursive: true });
  await symlink('../../platform', join(modules, '@bulkhead/platform'));
  await symlink('../../platform/node-lxd', join(modules, '@bulkhead/node-lxd'));
  await symlink('../../instruments/sdk', join(modules, '@bulkhead/sdk'));
  for (const name of ['zod', 'fast-check'])
    await symlink(join(ROOT, 'node_modules', name), join(modules, name));
}

/** Judges a tree by the repository's own rules, with the program that `npm run imports` starts. */
async function cruise(root: string): Promise<Violation[]> {
  const program = join(ROOT, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
  const rules = join(ROOT, 'scripts/lint/imports.cjs');
  const args = [
    program,
    '--config',
    rules,
    '--output-type',
    'json',
    'platform',
    'instruments',
    'fleet-ui',
    'scripts',
    'test',
  ];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: root, maxBuffer: 1 << 26 });
  return (JSON.parse(stdout) as { summary: { violations: Violation[] } }).summary.violations;
}
