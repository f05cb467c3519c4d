import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkImageArchive } from '@bulkhead/platform/packages';
import {
  imageHead,
  longNameBlock,
  paxBlock,
  tarBlock,
  tarBytes,
  type TarBlock,
} from '../../support/tar-bytes.ts';

let dir: string;
let count = 0;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'bulkhead-archives-'));
});
afterAll(async () => rm(dir, { recursive: true, force: true }));

async function file(bytes: Buffer): Promise<string> {
  const path = join(dir, `${String((count += 1))}.tar`);
  await writeFile(path, bytes);
  return path;
}

/** Checks an archive of a proper image with `blocks` after it. */
async function check(blocks: readonly (TarBlock | Buffer)[], head = imageHead()): Promise<unknown> {
  return checkImageArchive(await file(tarBytes([...head, ...blocks])));
}

const refused = { code: 'PACKAGES_IMAGE_REFUSED' };

test('an image without anything unusual is accepted', async () => {
  const link = { name: 'rootfs/etc/outside', type: '2', linkName: '../../../etc/shadow' };
  const hard = { name: 'rootfs/etc/b', type: '1', linkName: 'rootfs/etc/a' };
  await expect(check([{ name: 'rootfs/etc/a', content: 'a' }, hard, link])).resolves.toMatchObject({
    entries: 6,
  });
});

describe('ABUSE 65: an archive that writes outside of its folder is refused', () => {
  const cases: [string, (TarBlock | Buffer)[]][] = [
    ['.. in a name', [{ name: 'rootfs/etc/../../../root/.ssh/authorized_keys', content: 'x' }]],
    ['.. at the start', [{ name: '../escape', content: 'x' }]],
    ['.. as the whole name', [{ name: '..', type: '5' }]],
    ['an absolute name', [{ name: '/etc/passwd', content: 'x' }]],
    ['an absolute name behind ./', [{ name: './/etc/passwd', content: 'x' }]],
    ['a second file beside metadata.yaml', [{ name: 'escape', content: 'x' }]],
    [
      'writing through a symbolic link',
      [
        { name: 'rootfs/out', type: '2', linkName: '/' },
        { name: 'rootfs/out/etc/cron.d/x', content: 'x' },
      ],
    ],
    [
      'a symbolic link put in the place of a folder',
      [
        { name: 'rootfs/a/', type: '5' },
        { name: 'rootfs/a', type: '2', linkName: '/' },
      ],
    ],
    [
      'a symbolic link put in the place of a folder that was never listed',
      [
        { name: 'rootfs/a/b', content: 'x' },
        { name: 'rootfs/a', type: '2', linkName: '/' },
      ],
    ],
    [
      'a file below a file',
      [
        { name: 'rootfs/a', content: 'x' },
        { name: 'rootfs/a/b', content: 'x' },
      ],
    ],
    ['a hard link to a file of the host', [{ name: 'rootfs/a', type: '1', linkName: '/etc/shadow' }]],
    ['a hard link out by ..', [{ name: 'rootfs/a', type: '1', linkName: 'rootfs/../../etc/shadow' }]],
    ['a hard link to metadata.yaml', [{ name: 'rootfs/a', type: '1', linkName: 'metadata.yaml' }]],
    [
      'a hard link to a symbolic link',
      [
        { name: 'rootfs/a', type: '2', linkName: '/etc/shadow' },
        { name: 'rootfs/b', type: '1', linkName: 'rootfs/a' },
      ],
    ],
    [
      'a hard link to a later file',
      [
        { name: 'rootfs/a', type: '1', linkName: 'rootfs/b' },
        { name: 'rootfs/b', content: 'x' },
      ],
    ],
    [
      'a hard link with content',
      [
        { name: 'rootfs/a', content: 'x' },
        { name: 'rootfs/b', type: '1', linkName: 'rootfs/a', content: 'y' },
      ],
    ],
    ['a character device', [{ name: 'rootfs/sda', type: '3' }]],
    ['a block device', [{ name: 'rootfs/sda', type: '4' }]],
    ['a named pipe', [{ name: 'rootfs/pipe', type: '6' }]],
    ['a setuid file', [{ name: 'rootfs/su', mode: 0o4755, content: 'x' }]],
    ['a setgid file', [{ name: 'rootfs/sg', mode: 0o2755, content: 'x' }]],
    [
      'a file capability',
      [paxBlock({ 'SCHILY.xattr.security.capability': 'x' }), { name: 'rootfs/cap', content: 'x' }],
    ],
    ['an owner outside of the container', [{ name: 'rootfs/o', uid: 65_536, content: 'x' }]],
    ['a newline in a name', [{ name: 'rootfs/a\nb', content: 'x' }]],
    ['a name that is not UTF-8', [{ name: 'rootfs/a', content: 'x', edit: (h) => h.writeUInt8(0xff, 8) }]],
    ['.. in a pax path', [paxBlock({ path: 'rootfs/../../x' }), { name: 'rootfs/x', content: 'x' }]],
    [
      'an absolute GNU long name',
      [longNameBlock('L', '/etc/x'), { name: 'rootfs/x', content: 'x', format: 'gnu' }],
    ],
    ['.. in a ustar prefix', [{ name: 'x', prefix: 'rootfs/../..', content: 'x' }]],
    [
      'a hard link out by a GNU long link',
      [
        longNameBlock('K', '/etc/shadow'),
        { name: 'rootfs/x', type: '1', linkName: 'rootfs/etc', format: 'gnu' },
      ],
    ],
  ];
  test.each(cases)('ABUSE 65: %s', async (_what, blocks) => {
    await expect(check(blocks)).rejects.toMatchObject(refused);
  });
});

describe('ABUSE 65: an archive that two programs would read differently is refused', () => {
  const entry: TarBlock = { name: 'rootfs/x', content: 'x' };
  const cases: [string, (TarBlock | Buffer)[]][] = [
    ['bytes hidden after the end of a name', [{ ...entry, edit: (h) => h.write('/../../x', 20) }]],
    ['a size in base 256', [{ ...entry, edit: (h) => h.writeUInt8(0x80, 124) }]],
    ['a size that is not octal', [{ ...entry, edit: (h) => h.write('9', 130) }]],
    ['a negative size', [{ ...entry, edit: (h) => h.write('-1', 124) }]],
    ['an unknown magic', [{ ...entry, edit: (h) => h.write('USTAR', 257) }]],
    ['a prefix in a GNU header', [{ ...entry, format: 'gnu', prefix: '../..' }]],
    ['a prefix in a v7 header', [{ ...entry, format: 'v7', prefix: '../..' }]],
    [
      'a pax path twice',
      [tarBlock({ name: 'p', type: 'x', content: '17 path=rootfs/a\n17 path=rootfs/b\n' }), entry],
    ],
    [
      'a pax record with a wrong length',
      [tarBlock({ name: 'p', type: 'x', content: '99 path=rootfs/a\n' }), entry],
    ],
    ['a pax path with a NUL', [paxBlock({ path: 'rootfs/a\0b' }), entry]],
    ['two pax headers', [paxBlock({ path: 'rootfs/a' }), paxBlock({ path: 'rootfs/b' }), entry]],
    ['pax and GNU long name', [paxBlock({ path: 'rootfs/a' }), longNameBlock('L', 'rootfs/b'), entry]],
    ['a global pax header', [tarBlock({ name: 'g', type: 'g', content: '17 path=rootfs/a\n' }), entry]],
    ['a GNU sparse file', [{ ...entry, type: 'S', format: 'gnu' }]],
    ['a pax sparse file', [paxBlock({ 'GNU.sparse.major': '1' }), entry]],
    ['an unknown type', [{ ...entry, type: 'Z' }]],
    ['a folder with content', [{ name: 'rootfs/d/', type: '5', content: 'x' }]],
    ['a file with the name of a folder', [{ name: 'rootfs/d/', content: 'x' }]],
    ['an extended header without an entry', [paxBlock({ path: 'rootfs/a' })]],
    ['entries after the end', [Buffer.alloc(1024), entry]],
    ['one block of zeros between entries', [Buffer.alloc(512), entry]],
  ];
  test.each(cases)('ABUSE 65: %s', async (_what, blocks) => {
    await expect(check(blocks)).rejects.toMatchObject(refused);
  });

  test('ABUSE 65: a wrong checksum', async () => {
    const bytes = tarBytes([...imageHead(), entry]);
    bytes.writeUInt8(0x41, bytes.indexOf('rootfs/x'));
    await expect(checkImageArchive(await file(bytes))).rejects.toMatchObject(refused);
  });
});

describe('ABUSE 66: an image whose own folders are links is refused', () => {
  const metadata = imageHead()[0] as TarBlock;
  const cases: [string, (TarBlock | Buffer)[]][] = [
    ['rootfs is a symbolic link', [metadata, { name: 'rootfs', type: '2', linkName: '/' }]],
    ['rootfs is a hard link', [metadata, { name: 'rootfs', type: '1', linkName: 'metadata.yaml' }]],
    ['rootfs is a file', [metadata, { name: 'rootfs', content: 'x' }]],
    ['templates is a symbolic link', [...imageHead(), { name: 'templates', type: '2', linkName: '/etc' }]],
    ['templates at all', [...imageHead(), { name: 'templates/', type: '5' }]],
    [
      'exec-output is a symbolic link',
      [...imageHead(), { name: 'exec-output', type: '2', linkName: '/etc' }],
    ],
    [
      'metadata.yaml is a symbolic link',
      [
        { name: 'metadata.yaml', type: '2', linkName: '/etc/shadow' },
        { name: 'rootfs/', type: '5' },
      ],
    ],
    ['rootfs/dev is a symbolic link', [...imageHead(), { name: 'rootfs/dev', type: '2', linkName: '/' }]],
    ['rootfs/run is a symbolic link', [...imageHead(), { name: 'rootfs/run', type: '2', linkName: '/' }]],
    [
      'rootfs/var/lib is a symbolic link',
      [
        ...imageHead(),
        { name: 'rootfs/var/', type: '5' },
        { name: 'rootfs/var/lib', type: '2', linkName: '/' },
      ],
    ],
    ['no rootfs', [metadata]],
    ['no metadata.yaml', [{ name: 'rootfs/', type: '5' }]],
    [
      'templates in metadata.yaml',
      [
        {
          ...metadata,
          content: 'architecture: x86_64\ncreation_date: 1\ntemplates: {/etc/x: {template: y}}\n',
        },
        { name: 'rootfs/', type: '5' },
      ],
    ],
    [
      'aliases in metadata.yaml',
      [
        { ...metadata, content: 'architecture: &a x86_64\ncreation_date: 1\nproperties: {os: *a}\n' },
        { name: 'rootfs/', type: '5' },
      ],
    ],
  ];
  test.each(cases)('ABUSE 66: %s', async (_what, blocks) => {
    await expect(checkImageArchive(await file(tarBytes(blocks)))).rejects.toMatchObject(refused);
  });

  const duplicates: [string, string][] = [
    ['the same name', 'rootfs/etc/a'],
    ['the same name behind ./', './rootfs/etc/a'],
  ];
  test.each(duplicates)('ABUSE 66: an entry twice: %s', async (_what, name) => {
    await expect(
      check([
        { name: 'rootfs/etc/a', content: '1' },
        { name, content: '2' },
      ]),
    ).rejects.toMatchObject({
      ...refused,
      fields: { entry: name },
    });
  });
  test('ABUSE 66: metadata.yaml twice', async () => {
    await expect(check([metadata])).rejects.toMatchObject(refused);
  });
  test('ABUSE 66: the second of two names comes by an extended header', async () => {
    const first = { name: 'rootfs/etc/a', content: '1' };
    await expect(
      check([first, paxBlock({ path: 'rootfs/etc/a' }), { name: 'b', content: '2' }]),
    ).rejects.toMatchObject(refused);
    await expect(
      check([first, longNameBlock('L', 'rootfs/etc/a'), { name: 'b', content: '2', format: 'gnu' }]),
    ).rejects.toMatchObject(refused);
  });

  const dialects = ['v7', 'ustar', 'gnu', 'posix'] as const;
  test.each(dialects)('ABUSE 66: links and proper images as GNU tar writes them in %s', async (dialect) => {
    const tree = await mkdtemp(join(dir, 'tree-'));
    await writeFile(join(tree, 'metadata.yaml'), 'architecture: x86_64\ncreation_date: 1700000000\n');
    // v7 knows 100 bytes of name only; ustar more, but not for links; the others get what needs their extension.
    const repeats = dialect === 'ustar' ? 4 : 9;
    const folder = dialect === 'v7' ? 'rootfs/etc' : `rootfs/${'deep-folder-name/'.repeat(repeats)}etc`;
    await mkdir(join(tree, folder), { recursive: true });
    await writeFile(join(tree, folder, 'a'), 'content');
    execFileSync('ln', [join(tree, folder, 'a'), join(tree, folder, 'b')]);
    await symlink('/etc/shadow', join(tree, folder, 'c'));
    const pack = (name: string): string => {
      const out = join(dir, `${name}-${dialect}.tar.gz`);
      const owner = ['--owner=0', '--group=0', '--numeric-owner'];
      execFileSync('tar', [
        `--format=${dialect}`,
        ...owner,
        '-C',
        tree,
        '-czf',
        out,
        'metadata.yaml',
        'rootfs',
      ]);
      return out;
    };
    const good = await checkImageArchive(pack('good'));
    expect(good.entries).toBeGreaterThanOrEqual(6);
    await rm(join(tree, 'rootfs'), { recursive: true });
    await symlink('/', join(tree, 'rootfs'));
    await expect(checkImageArchive(pack('link'))).rejects.toMatchObject(refused);
  });
});
