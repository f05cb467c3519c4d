import fc from 'fast-check';
import { expect, test } from 'vitest';
import { linkName, site, sitePaths, tableName, type LinkRole } from '@bulkhead/platform/kernel';

const ROLES: LinkRole[] = ['i', 'I', 'o', 'O', 'm', 'c', 'k', 'j'];
const prefixes = fc.stringMatching(/^[a-z][a-z0-9]{1,3}$/);

test('a sensor that owns the machine needs no values', () => {
  expect(site()).toMatchObject({
    prefix: 'bh',
    stateDir: '/var/lib/bulkhead',
    runDir: '/run/bulkhead',
    natsPort: 4222,
    lxdProject: 'bulkhead',
  });
  expect(Object.isFrozen(site())).toBe(true);
});

test.each(['', 'b', 'toolong', 'Bh', '1b', 'b-h', 'b h', '../', 'b\n'])('refuses the prefix %j', (prefix) => {
  expect(() => site({ prefix })).toThrow(expect.objectContaining({ code: 'KERNEL_SITE_INVALID' }));
});

test('every link name fits the kernel, whatever the key', () => {
  fc.assert(
    fc.property(prefixes, fc.constantFrom(...ROLES), fc.string(), (prefix, role, key) => {
      const name = linkName(site({ prefix }), role, key);
      expect(name).toMatch(/^[a-z][a-z0-9]{1,3}[a-zA-Z]-[0-9a-f]{8}$/);
      expect(name.length).toBeLessThanOrEqual(15);
    }),
  );
});

test('names differ by role, key and prefix, and are the same each time', () => {
  const names = ['bh', 'b1'].flatMap((prefix) =>
    ROLES.flatMap((role) => ['a', 'b', 'suricata/mon0'].map((key) => linkName(site({ prefix }), role, key))),
  );
  expect(new Set(names).size).toBe(names.length);
  expect(linkName(site(), 'm', 'a')).toBe(linkName(site(), 'm', 'a'));
});

test('one sensor cannot take the names of another for its own', () => {
  fc.assert(
    fc.property(prefixes, prefixes, fc.constantFrom(...ROLES), fc.string(), (one, other, role, key) => {
      fc.pre(one !== other);
      // Whoever looks for its own links asks for "<prefix><role>-", so that must not match the other's.
      const foreign = linkName(site({ prefix: other }), role, key);
      expect(ROLES.some((r) => foreign.startsWith(`${one}${r}-`))).toBe(false);
    }),
  );
});

test('table names hold no character that nft would read as something else', () => {
  expect(tableName(site(), 'suricata-mon-0')).toBe('bh_suricata_mon_0');
});

test('everything lies below the folders of the site', () => {
  const at = site({ stateDir: '/s', runDir: '/r', cacheDir: '/c' });
  for (const value of Object.values(sitePaths(at))) {
    const path = typeof value === 'function' ? value('suricata') : value;
    expect(path).toMatch(/^\/[src]\/./);
  }
});
