import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { GrantsSchema, type Grants } from '@bulkhead/platform/contracts';
import { parseSensorConfig, withGrants } from '@bulkhead/platform/sensord';

const DOCUMENT = `# the lab
version: 1
sensor: { name: lab }
instruments:
  # the eyes
  - name: suricata
    package: suricata
    grants:
      capabilities: [net_raw] # AF_PACKET
      publish:
        - alert
        - dns # for the names
  - name: names
    package: passive-dns
    grants: { read: [{ from: suricata, type: dns }] }
  - name: bare
    package: passive-dns
`;

const grantsIn = (document: string, name: string): Grants =>
  parseSensorConfig(document, 'test').instruments.find((one) => one.name === name)?.grants ??
  GrantsSchema.parse({});

const NONE = GrantsSchema.parse({});

test('only what changes is changed: comments and the grants of others stay', () => {
  const next = withGrants(DOCUMENT, 'suricata', {
    ...grantsIn(DOCUMENT, 'suricata'),
    publish: ['dns', 'flow'],
    fetch: true,
  });
  expect(grantsIn(next, 'suricata')).toMatchObject({ publish: ['dns', 'flow'], fetch: true });
  expect(grantsIn(next, 'suricata').capabilities).toEqual(['net_raw']);
  for (const comment of ['# the lab', '# the eyes', '# AF_PACKET', '# for the names'])
    expect(next).toContain(comment);
  expect(grantsIn(next, 'names')).toEqual(grantsIn(DOCUMENT, 'names'));
});

test('the first grant makes the place for it, the last one takes it away', () => {
  const given = withGrants(DOCUMENT, 'bare', { ...NONE, send: [{ to: 'suricata', command: 'x.y' }] });
  expect(grantsIn(given, 'bare').send).toEqual([{ to: 'suricata', command: 'x.y' }]);
  expect(withGrants(given, 'bare', NONE)).toBe(withGrants(DOCUMENT, 'bare', NONE));
  const taken = withGrants(DOCUMENT, 'names', NONE);
  expect(parse(taken)).toMatchObject({ instruments: [{}, { name: 'names' }, {}] });
  expect(taken).not.toContain('read');
});

test('defaults are not written out', () => {
  const egress = { to: 'rules.example.org', protocol: 'tcp' as const, ports: [443], privateAddresses: false };
  const next = withGrants(DOCUMENT, 'bare', { ...NONE, egress: [egress] });
  expect(grantsIn(next, 'bare').egress).toEqual([egress]);
  expect(next).not.toContain('privateAddresses');
});

test('a JSON document stays one', () => {
  const json = JSON.stringify(parse(DOCUMENT), undefined, 2);
  const next = withGrants(json, 'bare', { ...NONE, publish: ['alert'], ui: true });
  expect(grantsIn(next, 'bare')).toMatchObject({ publish: ['alert'], ui: true });
  expect(() => JSON.parse(next) as unknown).not.toThrow();
});

test('instruments that share their grants by an alias: only the named one changes', () => {
  const shared = `version: 1
sensor: { name: lab }
instruments:
  - { name: a, package: p, grants: &rights { publish: [alert, dns] } }
  - { name: b, package: p, grants: *rights }
`;
  for (const [changed, other] of [
    ['a', 'b'],
    ['b', 'a'],
  ] as const) {
    const next = withGrants(shared, changed, { ...NONE, publish: ['alert'] });
    expect(grantsIn(next, changed).publish).toEqual(['alert']);
    expect(grantsIn(next, other).publish).toEqual(['alert', 'dns']);
  }
});
