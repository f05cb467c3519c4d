import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SensorConfigSchema } from '@bulkhead/platform/contracts';
import { parseStrict } from '@bulkhead/platform/kernel';

const minimal = { version: 1, sensor: { name: 'lab' } };
const instrument = { name: 'suricata', package: 'suricata' };
const parse = (value: unknown) => parseStrict(SensorConfigSchema, value, 'SENSORD_TEST', 'The configuration');

/** Where the first fault lies, or `accepted`. */
function faultAt(value: unknown): string {
  try {
    parse(value);
    return 'accepted';
  } catch (error) {
    return (error as { fields: { pointer: string } }).fields.pointer;
  }
}

test('the smallest configuration gets safe values for everything else', () => {
  const config = parse({ ...minimal, instruments: [instrument] });
  expect(config.bus).toEqual({ streamMib: 256, encrypt: true });
  expect(config.detectionCheck.enabled).toBe(true);
  // Deny by default: what is not granted is not there.
  expect(config.instruments[0]?.grants).toEqual({
    ...{ capabilities: [], publish: [], read: [], send: [] },
    ...{ egress: [], downloads: [], deliver: [], fetch: false, ui: false },
  });
  expect(config.instruments[0]?.interfaces).toEqual({});
});

test.each([
  [{ ...minimal, extra: 1 }, '/extra'],
  [{ ...minimal, version: 2 }, '/version'],
  [{ ...minimal, sensor: { name: 'lab', nmae: 'x' } }, '/sensor/nmae'],
  [{ ...minimal, bus: { encrpyt: false } }, '/bus/encrpyt'],
  [
    { ...minimal, instruments: [{ ...instrument, grants: { publsh: ['alert'] } }] },
    '/instruments/0/grants/publsh',
  ],
  [{ ...minimal, instruments: [{ ...instrument, privileged: true }] }, '/instruments/0/privileged'],
  [{ ...minimal, instruments: [{ ...instrument, limits: { memory: 1 } }] }, '/instruments/0/limits/memory'],
  [
    { ...minimal, instruments: [{ ...instrument, grants: { read: [{ from: 'a', type: 'b', as: 'c' }] } }] },
    '/instruments/0/grants/read/0/as',
  ],
])('an unknown or unfit key is refused at its place: %j', (config, pointer) => {
  expect(faultAt(config)).toBe(pointer);
});

test('a name may be used once', () => {
  expect(faultAt({ ...minimal, instruments: [instrument, instrument] })).toBe('/instruments/1/name');
  const monitor = { name: 'mon', device: 'eth1' };
  expect(faultAt({ ...minimal, monitorInterfaces: [monitor, { ...monitor, device: 'eth2' }] })).toBe(
    '/monitorInterfaces/1/name',
  );
  expect(faultAt({ ...minimal, monitorInterfaces: [monitor, { ...monitor, name: 'other' }] })).toBe(
    '/monitorInterfaces/1/device',
  );
});

const way = { name: 'uplink', kind: 'dedicated', device: 'eth2' };
const wired = { ...instrument, active: { net0: { interface: 'uplink', address: '192.0.2.5/24' } } };

test.each([
  [{ activeInterfaces: [way, { ...way, name: 'other' }] }, '/activeInterfaces/1/device'],
  [
    { activeInterfaces: [way], monitorInterfaces: [{ name: 'mon', device: 'eth2' }] },
    '/activeInterfaces/0/device',
  ],
  [{ instruments: [wired] }, '/instruments/0/active/net0/interface'],
  [
    { activeInterfaces: [way], instruments: [wired, { ...wired, name: 'second' }] },
    '/instruments/1/active/net0/interface',
  ],
  [
    {
      activeInterfaces: [way],
      instruments: [{ ...wired, active: { net0: { interface: 'uplink', address: '192.0.2.5' } } }],
    },
    '/instruments/0/active/net0/address',
  ],
])('a way out that cannot be is refused at its place: %j', (part, pointer) => {
  expect(faultAt({ ...minimal, ...part })).toBe(pointer);
});

test.each([
  [{ to: 'localhost', ports: [443] }, 'to'],
  [{ to: 'Rules.example.org', ports: [443] }, 'to'],
  [{ to: 'rules.example.org', ports: [] }, 'ports'],
  [{ to: '192.0.2.0/33', ports: [443] }, 'to'],
])('a destination that is none is refused: %j', (egress, key) => {
  const grants = { egress: [egress] };
  expect(faultAt({ ...minimal, instruments: [{ ...instrument, grants }] })).toBe(
    `/instruments/0/grants/egress/0/${key}`,
  );
});

test.each(['file:///etc/shadow', 'https://user:pw@example.org/', 'https://example.org/#x', 'rules'])(
  'an address that is none for a download is refused: %s',
  (url) => {
    const grants = { downloads: [{ name: 'rules', url, as: 'rules.tar.gz' }] };
    expect(faultAt({ ...minimal, instruments: [{ ...instrument, grants }] })).toBe(
      '/instruments/0/grants/downloads/0/url',
    );
  },
);

test.each(['platform', 'control', 'message', 'event', 'sensord', 'fleet', 'up'])(
  'the name %s is kept for the platform',
  (name) => {
    expect(faultAt({ ...minimal, instruments: [{ ...instrument, name }] })).toBe('/instruments/0/name');
  },
);

test.each([
  '',
  'A',
  'a_b',
  'a.b',
  'a*',
  '>',
  'a b',
  'a/b',
  '../a',
  '-a',
  'a-',
  '1a',
  'a\n',
  'a\u0000',
  'ѕuricata',
  'é',
  'a'.repeat(31),
])('the name %j could not be told apart in a subject, a path or LXD: refused', (name) => {
  expect(faultAt({ ...minimal, sensor: { name } })).toBe('/sensor/name');
  expect(faultAt({ ...minimal, instruments: [{ ...instrument, name }] })).toBe('/instruments/0/name');
});

test.each(['', 'a/b', '../x', 'eth0 up', 'eth0;id', '-a', '.', 'a'.repeat(16), 'eth0\n'])(
  'the device %j is refused',
  (device) => {
    expect(faultAt({ ...minimal, monitorInterfaces: [{ name: 'mon', device }] })).toBe(
      '/monitorInterfaces/0/device',
    );
  },
);

test('an interface leads to a monitor interface that is there', () => {
  const wired = { ...instrument, interfaces: { mon0: 'mon' } };
  expect(faultAt({ ...minimal, instruments: [wired] })).toBe('/instruments/0/interfaces/mon0');
  expect(
    faultAt({ ...minimal, monitorInterfaces: [{ name: 'mon', device: 'eth1' }], instruments: [wired] }),
  ).toBe('accepted');
});

test('options are handed through as they are, up to 64 KiB', () => {
  const options = { rules: ['a', { b: null }], deep: { er: [1.5, true] } };
  expect(parse({ ...minimal, instruments: [{ ...instrument, options }] }).instruments[0]?.options).toEqual(
    options,
  );
  const large = { text: 'x'.repeat(65_536) };
  expect(faultAt({ ...minimal, instruments: [{ ...instrument, options: large }] })).toBe(
    '/instruments/0/options',
  );
  expect(faultAt({ ...minimal, instruments: [{ ...instrument, options: { ['k'.repeat(65)]: 1 } }] })).toMatch(
    /^\/instruments\/0\/options/,
  );
});

test('__proto__ anywhere is an unknown key or plain data, and changes no prototype', () => {
  const hostile = [
    '{"version":1,"sensor":{"name":"lab"},"__proto__":{"polluted":1}}',
    '{"version":1,"sensor":{"name":"lab","__proto__":{"polluted":1}}}',
    '{"version":1,"sensor":{"name":"lab"},"instruments":[{"name":"a","package":"a","__proto__":{"enabled":false}}]}',
    '{"version":1,"sensor":{"name":"lab"},"instruments":[{"name":"a","package":"a","interfaces":{"__proto__":"mon"}}]}',
  ];
  for (const text of hostile) {
    faultAt(JSON.parse(text));
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  }
  expect(faultAt(JSON.parse(hostile[0]!))).toBe('/__proto__');
  expect(faultAt(JSON.parse(hostile[1]!))).toBe('/sensor/__proto__');
  expect(faultAt(JSON.parse(hostile[2]!))).toBe('/instruments/0/__proto__');
});

test('resources name plain files: nothing that leaves the folder', () => {
  const withResource = (file: string, source: string) => ({
    ...minimal,
    instruments: [{ ...instrument, resources: { [file]: source } }],
  });
  expect(faultAt(withResource('lab.rules', '/etc/bulkhead/lab.rules'))).toBe('accepted');
  for (const file of ['../x', 'a/b', '.hidden', '', 'A', 'x'.repeat(64), 'a\n']) {
    expect(faultAt(withResource(file, '/x'))).toMatch(/^\/instruments\/0\/resources/);
  }
  expect(faultAt(withResource('a', 'relative'))).toBe('/instruments/0/resources/a');
});

test('active interfaces: what cannot work in a network is refused where it stands', () => {
  const wired = (...active: object[]) => ({
    ...minimal,
    monitorInterfaces: [{ name: 'mon', device: 'eth1' }],
    activeInterfaces: [
      { name: 'dmz', kind: 'bridged', device: 'br0' },
      { name: 'out', kind: 'dedicated', device: 'eth2' },
    ],
    instruments: active.map((net0, at) => ({ name: `a${at}`, package: 'a', active: { net0 } })),
  });
  const dmz = (address: string, gateway?: string) => ({ interface: 'dmz', address, gateway });
  expect(faultAt(wired(dmz('10.0.0.2/24', '10.0.0.1'), dmz('10.0.0.3/24'), dmz('dhcp'), dmz('dhcp')))).toBe(
    'accepted',
  );
  expect(faultAt(wired(dmz('10.0.0.2/24'), dmz('10.0.0.2/16')))).toBe('/instruments/1/active/net0/address');
  expect(faultAt(wired(dmz('10.0.0.2/24', '10.0.1.1')))).toBe('/instruments/0/active/net0/gateway');
  expect(faultAt(wired(dmz('10.0.0.2')))).toBe('/instruments/0/active/net0/address');
  expect(faultAt(wired({ interface: 'none', address: 'dhcp' }))).toBe('/instruments/0/active/net0/interface');
  const out = { interface: 'out', address: 'dhcp' };
  expect(faultAt(wired(out, out))).toBe('/instruments/1/active/net0/interface');
  const monitored = { ...wired(out), activeInterfaces: [{ name: 'out', kind: 'dedicated', device: 'eth1' }] };
  expect(faultAt(monitored)).toBe('/activeInterfaces/0/device');
});

test('every list has an end', () => {
  const many = Array.from({ length: 2_000 }, (_, n) => ({ ...instrument, name: `a${n}` }));
  expect(faultAt({ ...minimal, instruments: many })).toBe('/instruments');
  const types = Array.from({ length: 65 }, (_, n) => `t${n}`);
  expect(faultAt({ ...minimal, instruments: [{ ...instrument, grants: { publish: types } }] })).toBe(
    '/instruments/0/grants/publish',
  );
});

test('whatever stands in the file: accepted, or refused with a pointer; nothing else is thrown', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (sensor, instruments) => {
      expect(faultAt({ version: 1, sensor, instruments })).toMatch(/^(accepted|\/.*)$/s);
    }),
  );
});

test('parsing what was parsed gives the same', () => {
  const once = parse({
    ...minimal,
    monitorInterfaces: [{ name: 'mon', device: 'eth1' }],
    instruments: [instrument],
  });
  expect(parse(JSON.parse(JSON.stringify(once)))).toEqual(once);
});
