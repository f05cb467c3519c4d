import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const init = fileURLToPath(new URL('../../../images/base/init', import.meta.url));
const GOOD = ['uid=1000', 'gid=1000', 'caps=', 'nofile=256', 'arg=/usr/bin/true'];
/** Namespaces of its own, in which /run is a tmpfs with the configuration on standard input. Root there is nobody here. */
const INSIDE = `mount -t tmpfs tmpfs /run && mkdir /run/bulkhead && cat >/run/bulkhead/init.conf && exec sh ${init}`;

/** What init says to a configuration. It must end before it has run, mounted or raised anything. */
function initWith(lines: readonly string[]): { status: number | null; said: string } {
  const result = spawnSync('unshare', ['--user', '--map-root-user', '--mount', '--net', 'sh', '-c', INSIDE], {
    input: `${lines.join('\n')}\n`,
    encoding: 'utf8',
    timeout: 20_000,
  });
  return { status: result.status, said: result.stderr };
}

describe('init refuses a configuration that it was not made for', () => {
  const cases: [string, string[], RegExp][] = [
    ['root as user', ['uid=0'], /uid .* not within/],
    ['a system user', ['uid=33'], /uid .* not within/],
    ['root as group', ['gid=0'], /gid .* not within/],
    ['a user by name', ['uid=instrument'], /uid .* not a plain number/],
    ['an octal number', ['uid=01000'], /not a plain number/],
    ['a number too large for a shell', ['uid=18446744073709551616'], /not a plain number/],
    ['a command in a number', ['uid=$(touch /run/pwned; echo 1000)'], /not a plain number/],
    ['an option in a number', ['nofile=-n 5'], /not a plain number/],
    ['a capability that none may have', ['caps=sys_admin'], /no instrument may have/],
    ['an unlisted capability among others', ['caps=net_raw,sys_ptrace,net_admin'], /no instrument may have/],
    ['setpriv syntax in a capability', ['caps=net_raw,+all'], /no instrument may have/],
    ['a pattern as capability', ['caps=*'], /no instrument may have/],
    ['a relative program', ['arg=usr/bin/true'], /absolute path/],
    ['a program that is not there', ['arg=/usr/bin/absent'], /does not exist/],
    ['an interface without a name', ['net= 192.0.2.1/24 -'], /names no interface/],
    ['an option as interface', ['net=-6 192.0.2.1/24 -'], /names no interface/],
    ['an address without prefix length', ['net=net0 192.0.2.1 -'], /lacks a prefix length/],
    ['an address that is none', ['net=net0 192.0.2.256/24 -'], /not within 0..255/],
    ['an address with a command', ['net=net0 192.0.2.$(id)/24 -'], /not a plain number/],
    ['a gateway by name', ['net=net0 192.0.2.1/24 router'], /not an IPv4 address/],
    ['an unknown key', ['env=LD_PRELOAD=/tmp/x.so'], /unknown line/],
    ['a line without key', ['hello'], /unknown line/],
  ];
  test.each(cases)('%s', (_what, lines, reason) => {
    const keys = lines.map((line) => line.split('=')[0]);
    const { status, said } = initWith([
      ...GOOD.filter((line) => !keys.includes(line.split('=')[0])),
      ...lines,
    ]);
    expect(said).toMatch(reason);
    expect(status).toBe(78);
  });

  test.each(['uid', 'gid', 'nofile', 'caps'])('%s twice', (key) => {
    const line = GOOD.find((good) => good.startsWith(`${key}=`)) ?? '';
    expect(initWith([...GOOD, line]).said).toContain(`${key} stands twice`);
  });

  test.each(['uid', 'gid', 'nofile', 'caps', 'arg'])('no %s', (key) => {
    const { status, said } = initWith(GOOD.filter((line) => !line.startsWith(`${key}=`)));
    expect(said).toMatch(/lacks one of|nothing to run/);
    expect(status).toBe(78);
  });

  test('too much of it', () => {
    expect(initWith([...GOOD, ...Array.from({ length: 40 }, () => 'arg=x')]).said).toContain(
      'more than 32 arguments',
    );
    expect(initWith([...GOOD, `arg=${'x'.repeat(20_000)}`]).said).toContain('larger than 16 KiB');
  });

  test('values of the configuration are not repeated on the console', () => {
    expect(initWith([...GOOD.slice(1), 'uid=\u001b[31mred']).said).not.toContain('red');
  });
});

test('init is a script that the image can run: plain sh, no syntax of others', () => {
  expect(readFileSync(init, 'utf8').startsWith('#!/bin/sh\n')).toBe(true);
  execFileSync('dash', ['-n', init]);
});
