import { describe, expect, test } from 'vitest';
import { AsksSchema, GrantsSchema, type Manifest } from '@bulkhead/platform/contracts';
import { BulkheadError } from '@bulkhead/platform/kernel';
import { asksInWords, periodWords } from '@bulkhead/platform/packages';
import {
  formatRight,
  grantsOf,
  holds,
  isAsked,
  joined,
  NO_GRANTS,
  parseRight,
  rightSentence,
  rightsIn,
  without,
} from '@bulkhead/platform/sensord';

const asks = AsksSchema.parse({
  capabilities: ['net_raw'],
  publish: ['alert', 'dns'],
  read: [{ from: 'ids', type: 'alert' }],
  send: [{ to: 'ids', command: 'ruleset.apply' }],
  egress: [
    { to: 'rules.example.org', ports: [80, 443] },
    { to: 'any', protocol: 'udp', ports: [53] },
  ],
  downloads: [{ name: 'rules', url: 'https://rules.example.org/r.tar.gz', as: 'rules.tar.gz' }],
  deliver: [{ to: 'ids' }],
  fetch: true,
  ui: { port: 8080, title: 'Rules' },
});
const packageOf = new Map([
  ['suricata', 'ids'],
  ['manager', 'rule-manager'],
]);
const grants = (value: unknown) => GrantsSchema.parse(value);

describe('the short form of a right', () => {
  test.each([
    'capability:net_raw',
    'publish:alert.names',
    'read:suricata/alert',
    'send:suricata/ruleset.apply',
    'egress:rules.example.org:443/tcp',
    'egress:10.0.0.5:80,443/tcp+private',
    'egress:192.0.2.0/24:53/udp',
    'egress:[2001:db8::1]:443/tcp',
    'egress:[2001:db8::/32]:443/tcp',
    'egress:any:53/udp',
    'download:et-open',
    'deliver:suricata',
    'fetch',
    'ui',
  ])('%s is read as it is written', (text) => {
    expect(formatRight(parseRight(text))).toBe(text);
  });

  test('ports are put in order, each once', () => {
    expect(formatRight(parseRight('egress:any:443,80,443/tcp'))).toBe('egress:any:80,443/tcp');
  });

  test.each([
    ...['', 'fetch:all', 'ui:', 'everything', 'capability:sys_admin', 'publish:Alert', 'publish:a.b.c.d.e'],
    ...['read:suricata', 'read:/alert', 'send:suricata/', 'deliver:a/b', 'download:../x', 'read:a/b/c'],
    ...['egress:rules.example.org', 'egress:rules.example.org:443', 'egress:2001:db8::1:443/tcp'],
    ...['egress:any:0/tcp', 'egress:any:65536/tcp', 'egress:any:443/sctp', 'egress:UPPER.example:443/tcp'],
    ...['egress:any:443/tcp+public', 'send:suricata/x\nfetch', 'publish:alert ', '\u202efetch'],
  ])('%j is refused, with the forms that there are', (text) => {
    try {
      parseRight(text);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(BulkheadError);
      expect((error as BulkheadError).code).toBe('SENSORD_RIGHT_INVALID');
      expect((error as BulkheadError).hint).toContain('send:INSTRUMENT/COMMAND');
    }
  });
});

describe('sets of rights', () => {
  test('everything that is granted can be named, and giving it by name grants the same', () => {
    const all = grants({
      capabilities: ['net_raw'],
      publish: ['alert'],
      read: [{ from: 'suricata', type: 'alert' }],
      send: [{ to: 'suricata', command: 'ruleset.apply' }],
      egress: [{ to: 'rules.example.org', ports: [443], privateAddresses: true }],
      downloads: [{ name: 'rules', url: 'https://rules.example.org/r.tar.gz', as: 'rules.tar.gz' }],
      deliver: [{ to: 'suricata' }],
      fetch: true,
      ui: true,
    });
    const again = rightsIn(all)
      .map((right) => grantsOf(parseRight(formatRight(right)), asks) ?? NO_GRANTS)
      .reduce(joined, NO_GRANTS);
    expect(again).toEqual(all);
    expect(without(all, rightsIn(all))).toEqual(NO_GRANTS);
  });

  test.each([
    ['publish:alert', true],
    ['publish:flow', false],
    ['read:suricata/alert', true],
    ['read:manager/alert', false],
    ['read:nobody/alert', false],
    ['send:suricata/ruleset.apply', true],
    ['send:suricata/ruleset.drop', false],
    ['egress:rules.example.org:443/tcp', true],
    ['egress:rules.example.org:80,443/tcp+private', true],
    ['egress:rules.example.org:22/tcp', false],
    ['egress:other.example.org:443/tcp', false],
    ['egress:192.0.2.1:53/udp', true],
    ['egress:any:53/tcp', false],
    ['download:rules', true],
    ['download:other', false],
    ['deliver:suricata', true],
    ['deliver:manager', false],
    ['capability:net_admin', false],
    ['fetch', true],
    ['ui', true],
  ])('%s is asked for: %s', (text, asked) => {
    expect(isAsked(parseRight(text), asks, packageOf)).toBe(asked);
  });

  test('a destination loses the port that is revoked, and keeps the others', () => {
    const open = grants({ egress: [{ to: 'rules.example.org', ports: [80, 443], privateAddresses: true }] });
    const narrowed = without(open, [parseRight('egress:rules.example.org:80/tcp')]);
    expect(rightsIn(narrowed).map(formatRight)).toEqual(['egress:rules.example.org:443/tcp+private']);
    expect(without(narrowed, [parseRight('egress:rules.example.org:443,22/tcp')])).toEqual(NO_GRANTS);
    expect(without(open, [parseRight('egress:rules.example.org:80,443/udp')])).toEqual(open);
  });

  test('what is there already is known, also as a part of it', () => {
    const open = grants({
      egress: [{ to: 'rules.example.org', ports: [80, 443] }],
      downloads: [{ name: 'rules', url: 'https://old.example.org/r', as: 'r' }],
    });
    expect(holds(open, parseRight('egress:rules.example.org:443/tcp'), asks)).toBe(true);
    expect(holds(open, parseRight('egress:rules.example.org:443/tcp+private'), asks)).toBe(false);
    // The package asks for another address by now: that is another download.
    expect(holds(open, parseRight('download:rules'), asks)).toBe(false);
    const next = joined(open, grantsOf(parseRight('download:rules'), asks) ?? NO_GRANTS);
    expect(next.downloads.map(({ url }) => url)).toEqual(['https://rules.example.org/r.tar.gz']);
  });
});

describe('in words', () => {
  test('one sentence for each right', () => {
    const say = (text: string) => rightSentence('manager', parseRight(text), 'granted');
    expect(say('send:suricata/ruleset.apply')).toBe('manager may send `ruleset.apply` to suricata');
    expect(say('egress:rules.example.org:443/tcp')).toBe('manager may reach rules.example.org port 443/tcp');
    expect(say('egress:any:80,443/tcp+private')).toContain('any address ports 80,443/tcp, also at private');
    expect(say('deliver:suricata')).toBe('manager may hand files to suricata');
    expect(rightSentence('manager', parseRight('publish:alert'), 'asked')).toBe(
      'manager asks to publish alert events',
    );
    const download = asks.downloads[0];
    expect(download).toBeDefined();
    expect(
      rightSentence(
        'ids',
        parseRight('download:rules'),
        'granted',
        download === undefined ? {} : { download },
      ),
    ).toBe(
      'ids may have https://rules.example.org/r.tar.gz downloaded daily into rules.tar.gz, at most 64 MiB',
    );
  });

  test.each([
    [0, 'once'],
    [86_400, 'daily'],
    [21_600, 'every 6 hours'],
    [90, 'every 90 seconds'],
    [1_209_600, 'every 2 weeks'],
  ])('%i seconds is %s', (seconds, words) => {
    expect(periodWords(seconds)).toBe(words);
  });

  test('what a package asks for names every kind, and its title steers no terminal', () => {
    const manifest = {
      asks: {
        ...asks,
        requestsDownloads: true,
        ui: { port: 8080, title: 'Ru\u001b[2Jles"\u202e' },
        interfaces: [{ name: 'up0', kind: 'active', filter: 'all' }],
      },
    } as Manifest;
    const words = asksInWords(manifest).join('\n');
    for (const part of [
      'to send through an active interface (up0), to the destinations that are allowed',
      'to use raw sockets on its own interfaces (net_raw)',
      'to reach rules.example.org ports 80,443/tcp',
      'to reach any address port 53/udp',
      'to have https://rules.example.org/r.tar.gz downloaded daily into rules.tar.gz',
      'to ask for further downloads',
      'to fetch the approved downloads of all instruments',
      'to hand files to ids',
      'to show a web page',
    ])
      expect(words).toContain(part);
    expect(words).not.toMatch(/path of all monitored traffic|[\u001b\u202e]/);
  });
});
