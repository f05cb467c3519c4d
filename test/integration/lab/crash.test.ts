import { spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run, waitFor } from '@bulkhead/platform/kernel';
import { openLab, removeLab } from '@bulkhead/scripts/lab';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { remains, testSite, type TestSite } from '../../support/lab.ts';

const PREFIX = 'b72';
const root = fileURLToPath(new URL('../../..', import.meta.url));
let at: TestSite;

beforeAll(async () => {
  at = await testSite(PREFIX);
});

afterAll(async () => {
  await removeLab(at.site);
  await at.remove();
});

/** Opens a lab in a process of its own, which is then killed as a crash would. */
async function crashWithLab(): Promise<void> {
  const bundle = join(root, 'build', `lab-crash-${String(process.pid)}.mjs`);
  await mkdir(join(root, 'build'), { recursive: true });
  const source = `
    import { openLab } from './scripts/src/lab/index.ts';
    import { openLog } from './platform/kernel/index.ts';
    await openLab({ site: JSON.parse(process.argv[2]), log: openLog('lab', 'error') });
    console.log('open');
    setInterval(() => {}, 1000);`;
  await run(
    join(root, 'node_modules/.bin/esbuild'),
    [
      '--bundle',
      '--platform=node',
      '--format=esm',
      `--outfile=${bundle}`,
      '--external:pino',
      '--external:zod',
    ],
    { input: source, cwd: root },
  );
  const owner = spawn(process.execPath, [bundle, JSON.stringify(at.site)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    let said = '';
    owner.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
    await waitFor('the lab to open', 30_000, () => said.includes('open'));
  } finally {
    owner.kill('SIGKILL');
    await run('rm', ['-f', bundle]);
  }
}

test('when its owner is killed, the programs end by themselves and removeLab removes the rest', async () => {
  await crashWithLab();
  await waitFor(
    'the programs to end',
    5_000,
    async () => !(await remains(PREFIX)).some((what) => /^\d+:/.test(what)),
  );
  expect((await remains(PREFIX)).length).toBeGreaterThan(4); // links, namespaces and the folder stand
  await removeLab(at.site);
  expect(await remains(PREFIX)).toEqual([]);
});

test('a process that entered a namespace of the lab does not keep it alive', async () => {
  const lab = await openLab(at);
  const guest = spawn('ip', ['netns', 'exec', `${PREFIX}-lab-client`, 'sleep', '300'], { stdio: 'ignore' });
  const ended = new Promise((resolve) => guest.on('exit', resolve));
  await waitFor('the guest to be inside', 5_000, async () =>
    (await run('ip', ['netns', 'pids', `${PREFIX}-lab-client`])).stdout.includes(String(guest.pid)),
  );
  await lab.stop();
  await ended;
  expect(await remains(PREFIX)).toEqual([]);
});

test('a lab opens over the leftovers of a crashed one, and removal twice is fine', async () => {
  await crashWithLab();
  const lab = await openLab(at);
  await lab.attack('dns-bad-name');
  await lab.stop();
  await removeLab(at.site);
  expect(await remains(PREFIX)).toEqual([]);
});
