import { expect, test } from 'vitest';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { files, places, ROOT } from './repository.ts';

const programs = files(
  /(\.(ts|tsx|mts|cts|js|mjs|cjs|c|h|sh|bpf\.c)$)|^(scripts|images)\/[^.]+$|^\.ci\/run$/,
);
const everything = files(
  /^(?!LICENSE$)(?!package-lock\.json$)(?!.*\.(png|svg|pcap|pcapng|gz|zst|xz|squashfs|ico|woff2?)$)/,
);
const tests = files(/^test\/.*\.test\.ts$/);
// Named here in pieces, so that these tests do not find themselves.
const word = (...parts: string[]) => parts.join('');

test('the house is not empty: what these tests look through is found', () => {
  expect(programs.length).toBeGreaterThan(30);
  expect(tests.length).toBeGreaterThan(10);
});

test('no source file is longer than 350 lines', () => {
  const long = programs
    .map(({ path, text }) => ({ path, lines: text.split('\n').length - 1 }))
    .filter(({ lines }) => lines > 350);
  expect(long).toEqual([]);
});

test('no folder or file is called after what has no job', () => {
  const nameless = everything
    .map(({ path }) => path)
    .filter((path) => /(^|\/)(utils?|helpers?|common|misc|stuff)(\/|\.[a-z]+$)/i.test(path));
  expect(nameless).toEqual([]);
});

test('no registry or mirror is named: they come from the configuration of the machine', () => {
  const hosts = [
    word('registry.', 'npmjs.org'),
    word('registry.', 'yarnpkg.com'),
    word('deb.', 'debian.org'),
    word('security.', 'debian.org'),
    word('ftp.', 'debian.org'),
    word('snapshot.', 'debian.org'),
    word('archive.', 'ubuntu.com'),
    word('images.', 'linuxcontainers.org'),
    word('cloud-images.', 'ubuntu.com'),
    ...configuredHosts(),
  ];
  const named = new RegExp(hosts.map((host) => host.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|'));
  expect(places(everything, named)).toEqual([]);
});

test('the lock file holds no download addresses', () => {
  const lock = readFileSync(join(ROOT, 'package-lock.json'), 'utf8');
  expect(lock.match(/"resolved": *"https?:[^"]*"/g) ?? []).toEqual([]);
});

test('no test is left out, put off, or alone', () => {
  const left = new RegExp(
    `\\b(it|test|describe)\\.(${['skip', 'skipIf', 'runIf', 'todo', 'only', 'fails'].join('|')})\\b`,
  );
  const never = new RegExp(word('expect\\((true|1|', "''", ')\\)|context\\.skip|ctx\\.skip'));
  expect(places(tests, left)).toEqual([]);
  expect(places(tests, never)).toEqual([]);
});

test('every test file has a test, and every test file asserts', () => {
  const idle = tests.filter(
    ({ text }) => !/\btest(\.each|\.for|\.concurrent)?\b/.test(text) || !/\bexpect\b/.test(text),
  );
  expect(idle.map(({ path }) => path)).toEqual([]);
});

test('nothing is left for later in the sources', () => {
  const marks = new RegExp(
    `\\b(${['TO', 'FIX', 'XX', 'HA'].map((m, i) => m + ['DO', 'ME', 'X', 'CK'][i]!).join('|')})\\b`,
  );
  expect(places(programs, marks)).toEqual([]);
});

test('every room, package and folder with a job says what it is in a README of at most two screens', () => {
  const rooms = ['platform', 'instruments', 'fleet-ui', 'fleet-ui/server'].flatMap((parent) =>
    readdirSync(join(ROOT, parent), { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && entry.name !== 'node_modules')
      .filter((entry) => readdirSync(join(ROOT, parent, entry.name)).length > 0)
      .map((entry) => `${parent}/${entry.name}`),
  );
  const missing = [
    '.',
    'platform',
    'test',
    'test/security',
    'test/bench',
    'scripts',
    'images',
    'fleet-ui',
    ...rooms,
  ].filter((room) => !existsSync(join(ROOT, room, 'README.md')));
  expect(missing).toEqual([]);
  const long = rooms.filter(
    (room) => readFileSync(join(ROOT, room, 'README.md'), 'utf8').split('\n').length > 150,
  );
  expect(long).toEqual([]);
});

test('relative links in the documentation lead somewhere', () => {
  const dead = files(/\.md$/).flatMap(({ path, text }) =>
    [...text.replaceAll(/```.*?```|`[^`\n]*`/gs, '').matchAll(/\]\(([^)\s#]+)(?:#[^)]*)?\)/g)]
      .map((match) => match[1]!)
      .filter((target) => !/^[a-z]+:/.test(target))
      .filter((target) => !existsSync(join(ROOT, path, '..', decodeURI(target))))
      .map((target) => `${path}: ${target}`),
  );
  expect(dead).toEqual([]);
});

test('pictures of the fleet are small, shown, and can be made anew', () => {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
  const kept = files(/^test\/(e2e|support)\/fleet-door\//)
    .map(({ text }) => text)
    .join('\n');
  const pictures = readdirSync(join(ROOT, 'fleet-ui/pictures')).filter((name) => name.endsWith('.png'));
  expect(pictures.length).toBeGreaterThan(1);
  const wrong = pictures.filter((name) => {
    const page = /^page-(.+)-1280-light\.png$/.exec(name)?.[1] ?? name.replace(/\.png$/, '');
    const bytes = statSync(join(ROOT, 'fleet-ui/pictures', name)).size;
    return bytes > 150_000 || !readme.includes(`(fleet-ui/pictures/${name})`) || !kept.includes(`'${page}'`);
  });
  expect(wrong).toEqual([]);
});

test('what is started by hand is executable', () => {
  const commands = files(/^scripts\/[a-z-]+$|^images\/build$|^\.ci\/run$/).map(({ path }) => path);
  expect(commands).toContain('scripts/test');
  const modes = execFileSync('stat', ['-c', '%a %n', ...commands], { cwd: ROOT })
    .toString()
    .trim()
    .split('\n');
  expect(modes.filter((line) => !line.startsWith('755 '))).toEqual([]);
});

test('every shell script can be read by the shell that it names', () => {
  const scripts = programs.filter(({ text }) => /^#!.*\b(ba)?sh\b/.test(text));
  expect(scripts.length).toBeGreaterThan(3);
  const broken = scripts.flatMap(({ path, text }) => {
    const shell = /^#!.*\bbash\b/.test(text) ? 'bash' : 'sh';
    const { status, stderr } = spawnSync(shell, ['-n', path], { cwd: ROOT });
    return status === 0 ? [] : [stderr.toString()];
  });
  expect(broken).toEqual([]);
});

test('continuous integration runs the very test command of the README', () => {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
  const ci = readFileSync(join(ROOT, '.ci/run'), 'utf8');
  const command = /^sudo (scripts\/test)\b/m.exec(readme)?.[1];
  expect(command).toBe('scripts/test');
  expect(
    ci.match(/^.*\bexec .*$/gm)?.map((line) => line.replace(/.*\bexec (sudo )?/, '').replace(/; fi$/, '')),
  ).toEqual([command, command]);
});

/** Hosts from which this machine gets packages; naming one of them in the code would tie the project to it. */
function configuredHosts(): string[] {
  const sources = ['/etc/apt/sources.list', ...list('/etc/apt/sources.list.d')]
    .filter((file) => existsSync(file))
    .flatMap((file) => readFileSync(file, 'utf8').split('\n'))
    .filter((line) => !line.trimStart().startsWith('#'));
  const npm = execFileSync('npm', ['config', 'get', 'registry'], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const urls = [...sources, npm.toString()]
    .join('\n')
    .matchAll(/https?:\/\/(?:[^/@\s]*@)?([a-z0-9.-]+\.[a-z0-9-]+)/gi);
  return [...new Set([...urls].map((match) => match[1]!))];
}

function list(dir: string): string[] {
  return existsSync(dir) ? readdirSync(dir).map((name) => join(dir, name)) : [];
}
