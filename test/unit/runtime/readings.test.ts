import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { openLog } from '@bulkhead/platform/kernel';
import { expect, test } from 'vitest';
import { collisions, IDS_PER_CONTAINER, parseSubIds } from '@bulkhead/platform/runtime';
import { lastLines, startErrors } from '../../../platform/runtime/console-log.ts';
import { rootMapping } from '../../../platform/runtime/containment.ts';
import { overlaps } from '../../../platform/runtime/id-ranges.ts';
import { ensureSubIds, freeRange, NEEDED_IDS } from '../../../platform/runtime/sub-ids.ts';
import { runtimeEvent } from '../../../platform/runtime/watch.ts';

test('sub ids are read, other lines passed over', () => {
  expect(parseSubIds('root:100000:10000001\n# x\n\nalice:1:2:3\nbob:5:6\n', '/etc/subuid')).toEqual([
    { owner: '/etc/subuid: root', first: 100_000, count: 10_000_001 },
    { owner: '/etc/subuid: bob', first: 5, count: 6 },
  ]);
});

test('ranges collide when they share an id and belong to different owners', () => {
  const a = { owner: 'a', first: 100, count: 10 };
  expect(collisions([a, { owner: 'b', first: 110, count: 10 }])).toEqual([]);
  expect(collisions([a, { owner: 'b', first: 109, count: 1 }])).toEqual(['a (100-109) overlaps b (109-109)']);
  expect(collisions([a, a])).toEqual([]);
});

test('root gets the same free range in both files, once, and no line of others is touched', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'bulkhead-subid-'));
  try {
    const file = (name: string) => join(dir, name);
    const files = {
      subuid: file('subuid'),
      subgid: file('subgid'),
      passwd: file('passwd'),
      group: file('group'),
    };
    const log = openLog('runtime', 'silent');
    await writeFile(files.subuid, 'alice:1000000:65536\nroot:100000:65536');
    await writeFile(files.passwd, 'bob:x:1100000:1::/:/bin/sh\n');
    expect(await ensureSubIds(files, log)).toBe(
      `root:${String(17 * IDS_PER_CONTAINER)}:${String(NEEDED_IDS)}`,
    );
    expect(await readFile(files.subuid, 'utf8')).toBe(
      'alice:1000000:65536\nroot:100000:65536\nroot:1114112:4259840\n',
    );
    expect(await readFile(files.subgid, 'utf8')).toBe('root:1114112:4259840\n');
    expect(await ensureSubIds(files, log)).toBeUndefined();
    await writeFile(files.subgid, '');
    expect(await ensureSubIds(files, log)).toBe('root:1114112:4259840');
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
});

test('a free range collides with nobody', () => {
  const range = fc.record({
    owner: fc.constant('f: alice'),
    first: fc.integer({ min: 0, max: 20_000_000 }),
    count: fc.integer({ min: 1, max: 5_000_000 }),
  });
  fc.assert(
    fc.property(fc.array(range, { maxLength: 12 }), (others) => {
      const first = freeRange(others, NEEDED_IDS);
      return others.every((other) => !overlaps(other, { owner: 'root', first, count: NEEDED_IDS }));
    }),
  );
});

test('the mapping of root is read from a uid_map', () => {
  expect(rootMapping('         0     165536      65536\n')).toEqual({ hostBase: 165_536, size: 65_536 });
  expect(rootMapping('1000 5 1\n0 231072 65536\n')).toEqual({ hostBase: 231_072, size: 65_536 });
  expect(rootMapping('')).toEqual({ hostBase: 0, size: 0 });
});

test('what an instrument writes on its console is cut and made harmless for a terminal', () => {
  expect(lastLines('a\r\nb\n\u001b[31mred\u001b[0m\n', 2)).toEqual(['b', 'red']);
  expect(lastLines('\u001b]0;title\u0007x\u001b]52;c;ZXZpbA==\u001b\\y', 5)).toEqual(['xy']);
  expect(lastLines('safe\u202eevil\u0000\u0008', 5)).toEqual(['safeevil']);
  expect(lastLines('x'.repeat(10_000), 1)[0]).toHaveLength(2_000);
  expect(lastLines('', 5)).toEqual([]);
  expect(lastLines('a\nb', 0)).toEqual([]);
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) =>
      lastLines(text, 100).every(
        (line) => !/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e]/.test(line),
      ),
    ),
  );
});

test('why a container did not start is found in liblxc’s log', () => {
  const log =
    'lxc p_x 20261120234107.553 WARN     cgfsng - ../src/lxc/cgroups/cgfsng.c:f:1 - No such file\n' +
    'lxc p_x 20261120234107.572 ERROR    utils - ../src/lxc/utils.c:mkdir_p:236 - Read-only file system - Failed to create directory "/x/var/"\n';
  expect(startErrors(log)).toBe('Read-only file system - Failed to create directory "/x/var/"');
  expect(startErrors('')).toBeUndefined();
});

test('lifecycle events become what the reconciler needs to know', () => {
  const event = (action: string, source: string) =>
    runtimeEvent({
      type: 'lifecycle',
      timestamp: '',
      project: 'p',
      metadata: { action, source, context: {} },
    });
  expect(event('instance-shutdown', '/1.0/instances/suri?project=p')).toEqual({
    kind: 'stopped',
    name: 'suri',
    action: 'instance-shutdown',
  });
  expect(event('instance-exec', '/1.0/instances/suri')).toMatchObject({ kind: 'other', name: 'suri' });
  expect(event('image-created', '/1.0/images/abc')).toBeUndefined();
});
