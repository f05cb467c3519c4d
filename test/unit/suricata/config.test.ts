import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { renderConfig, type ConfigInput } from '../../../instruments/suricata/src/config.ts';
import { OptionsSchema } from '../../../instruments/suricata/src/options.ts';

const template = await readFile(
  fileURLToPath(new URL('../../../instruments/suricata/files/suricata.yaml', import.meta.url)),
  'utf8',
);

function render(options: unknown = {}, change: Partial<ConfigInput> = {}): Record<string, never> {
  const text = renderConfig(template, {
    options: OptionsSchema.parse(options),
    interfaces: [{ name: 'mon0', mtu: 1500 }],
    budget: { memoryMib: 3072, cores: 2 },
    landlock: true,
    paths: {
      runDir: '/t/run',
      configDir: '/t/config',
      rulesDir: '/t/config/rules-1',
      ruleFiles: ['reserved.rules', 'operator/a.rules'],
      evePath: '/t/run/eve.pipe',
      commandSocket: '/t/run/command.sock',
    },
    ...change,
  });
  // Suricata reads YAML 1.1, where `yes` is a word of its own to it.
  return parse(text, { version: '1.1' }) as Record<string, never>;
}

test('the default is hardened', () => {
  const config = render() as unknown as {
    outputs: Record<string, Record<string, unknown>>[];
    security: { 'limit-noproc': boolean; landlock: { enabled: boolean; directories: { read: string[] } } };
    'af-packet': Record<string, unknown>[];
    stream: Record<string, unknown>;
    'app-layer': { protocols: Record<string, { enabled?: unknown }> };
    datasets: { rules: Record<string, boolean> };
    coredump: Record<string, unknown>;
  };
  expect(config.outputs.map((output) => Object.keys(output)[0])).toEqual(['eve-log']);
  expect(config.security['limit-noproc']).toBe(true);
  expect(config.security.landlock).toEqual({
    enabled: true,
    directories: { read: ['/t/config', '/usr/', '/etc/'] },
  });
  expect(config['af-packet'][0]).toMatchObject({
    interface: 'mon0',
    'checksum-checks': 'kernel',
    'tpacket-v3': true,
    'disable-promisc': true,
    threads: 2,
  });
  expect(config.stream['checksum-validation']).toBe(true);
  expect(config['app-layer'].protocols['dnp3']?.enabled).toBe(false);
  expect(config.datasets.rules).toEqual({ 'allow-write': false, 'allow-absolute-filenames': false });
  expect(config.coredump).toEqual({ 'max-dump': 0 });
});

test('no option can add a line of configuration', () => {
  for (const homeNet of [['10.0.0.0/8\nplugins: [/tmp/x.so]'], ['10.0.0.0/8]"'], ['$(id)'], ['']]) {
    expect(OptionsSchema.safeParse({ homeNet }).success).toBe(false);
  }
  expect(OptionsSchema.safeParse({ addressGroups: { 'X: 1\nY': ['10.0.0.1'] } }).success).toBe(false);
  expect(OptionsSchema.safeParse({ portGroups: { HTTP_PORTS: ['80\n81'] } }).success).toBe(false);
  expect(OptionsSchema.safeParse({ unknown: 1 }).success).toBe(false);
  expect(OptionsSchema.safeParse({ checksums: 'none' }).success).toBe(false);
});

test('variables of the operator replace and add to the default ones', () => {
  const config = render({
    homeNet: ['10.1.0.0/16', '!10.1.9.0/24', '2001:db8::/32'],
    addressGroups: { DNS_SERVERS: ['10.1.0.53'], CLINIC: ['$HOME_NET', '!10.1.0.1'] },
    portGroups: { HTTP_PORTS: ['80', '8000:8080'] },
  }) as unknown as { vars: Record<string, Record<string, string>> };
  expect(config.vars['address-groups']).toMatchObject({
    HOME_NET: '[10.1.0.0/16,!10.1.9.0/24,2001:db8::/32]',
    EXTERNAL_NET: '!$HOME_NET',
    DNS_SERVERS: '[10.1.0.53]',
    CLINIC: '[$HOME_NET,!10.1.0.1]',
  });
  expect(config.vars['port-groups']?.['HTTP_PORTS']).toBe('[80,8000:8080]');
});

test('memory caps and threads follow the container', () => {
  const small = render({}, { budget: { memoryMib: 512, cores: 1 } }) as unknown as Record<
    string,
    { memcap: string }
  >;
  const large = render({}, { budget: { memoryMib: 16_384, cores: 8 } }) as unknown as Record<
    string,
    { memcap: string }
  >;
  const mib = (value: string | undefined) => Number(/^(\d+)mb$/.exec(value ?? '')?.[1]);
  for (const part of ['flow', 'stream', 'defrag', 'host']) {
    expect(mib(small[part]?.memcap)).toBeLessThan(mib(large[part]?.memcap));
  }
  const total = ['flow', 'stream', 'defrag', 'host'].reduce((sum, part) => sum + mib(small[part]?.memcap), 0);
  expect(total).toBeLessThan(512 / 3);
  const threads = (config: unknown) =>
    (config as { 'af-packet': { threads: number }[] })['af-packet'].map((port) => port.threads);
  const ports = ['mon0', 'mon1', 'mon2'].map((name) => ({ name, mtu: 1500 }));
  expect(threads(render({}, { budget: { memoryMib: 4096, cores: 8 }, interfaces: ports }))).toEqual([
    2, 2, 2,
  ]);
  expect(threads(render({ threads: 5 }))).toEqual([5]);
});

test.each([1500, 9000, 65_535])('the capture ring stays within its size for frames of %i bytes', (mtu) => {
  const config = render({}, { interfaces: [{ name: 'mon0', mtu }] }) as unknown as {
    'af-packet': Record<string, number>[];
  };
  const port = config['af-packet'][0];
  expect(Number(port?.['ring-size']) * mtu * 2).toBeLessThanOrEqual(Math.max(64 * 2 ** 20, 256 * 2 * mtu));
});

test('a template and its values that do not match are a defect', () => {
  expect(() => renderConfig(`${template}\n{{surprise}}`, {} as ConfigInput)).toThrow();
});
