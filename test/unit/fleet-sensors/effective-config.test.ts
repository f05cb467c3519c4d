import fc from 'fast-check';
import { parse } from 'yaml';
import { expect, test } from 'vitest';
import { effectiveConfig, type Json, type JsonObject } from '@bulkhead/fleet-server/sensors';
import {
  checkOverlay,
  documentText,
  readDocument,
} from '../../../fleet-ui/server/sensors/effective-config.ts';
import {
  applyPatch,
  composePatches,
  differencesOf,
  patchBetween,
} from '../../../fleet-ui/server/sensors/layers.ts';
import { CONFIG } from '../../support/fleet-sensors.ts';

const base = parse(CONFIG) as JsonObject;
const invalid = (pointer: string, layer?: string): unknown =>
  expect.objectContaining({
    code: 'FLEET_SENSORS_CONFIG_INVALID',
    fields: expect.objectContaining({ pointer, ...(layer === undefined ? {} : { layer }) }) as unknown,
  });

test('without group and overrides the base is what it is, and all of it comes from there', () => {
  const { document, config, origin, overridden } = effectiveConfig(base, undefined, {});
  expect(document).toEqual(base);
  expect(config.detectionCheck.enabled).toBe(true);
  expect(new Set(Object.values(origin))).toEqual(new Set(['base']));
  expect(origin).toHaveProperty(['/instruments/suricata/grants/publish'], 'base');
  expect(overridden).toEqual([]);
});

test('a group changes one option of one instrument by name; the sensor overrides its group; both are seen', () => {
  const group = {
    instruments: { suricata: { options: { stats: 30 }, enabled: false } },
    detectionCheck: { intervalS: 30 },
  };
  const { config, origin, overridden } = effectiveConfig(base, group, { detectionCheck: { intervalS: 5 } });
  expect(config.instruments[0]).toMatchObject({ name: 'suricata', enabled: false, options: { stats: 30 } });
  expect(config.instruments[0]?.grants.publish).toEqual(['alert']);
  expect(config.detectionCheck.intervalS).toBe(5);
  expect(origin['/instruments/suricata/options/stats']).toBe('group');
  expect(origin['/detectionCheck/intervalS']).toBe('sensor');
  expect(overridden).toEqual([
    { pointer: '/detectionCheck/intervalS', by: 'sensor', value: 5, hides: { by: 'group', value: 30 } },
    { pointer: '/instruments/suricata/enabled', by: 'group', value: false },
    { pointer: '/instruments/suricata/options/stats', by: 'group', value: 30 },
  ]);
});

test('a group adds an instrument and takes one away; what was taken away is seen as such', () => {
  const group = { instruments: { suricata: null, 'passive-dns': { package: 'passive-dns' } } };
  const { config, overridden } = effectiveConfig(base, group, {});
  expect(config.instruments.map(({ name }) => name)).toEqual(['passive-dns']);
  const gone = overridden.find(({ pointer }) => pointer === '/instruments/suricata');
  expect(gone).toMatchObject({ by: 'group', hides: { by: 'base' } });
  expect(gone).not.toHaveProperty('value');
});

test('a group may bring the first of a list, also to a base that has no such list', () => {
  const { config, origin } = effectiveConfig(
    { version: 1, sensor: { name: 'a' } },
    { monitorInterfaces: { mon: { device: 'enp1s0' } } },
    {},
  );
  expect(config.monitorInterfaces).toMatchObject([{ name: 'mon', device: 'enp1s0' }]);
  expect(origin['/monitorInterfaces/mon/device']).toBe('group');
});

test('what does not make a configuration is refused, with the place and who put it there', () => {
  expect(() => effectiveConfig(base, { detectionCheck: { intervalS: 1 } }, {})).toThrow(
    invalid('/detectionCheck/intervalS', 'group'),
  );
  expect(() => effectiveConfig(base, undefined, { instruments: { suricata: { nonsense: 1 } } })).toThrow(
    invalid('/instruments/suricata/nonsense', 'sensor'),
  );
  // The group's instrument listens to a monitor interface that this sensor lacks.
  const elsewhere = { instruments: { other: { package: 'suricata', interfaces: { mon0: 'mon9' } } } };
  expect(() => effectiveConfig(base, elsewhere, {})).toThrow(invalid('/instruments/other/interfaces/mon0'));
});

test('what can be no layer is refused before anything looks into it', () => {
  const code = (value: string) => expect.objectContaining({ code: value }) as Error;
  const bad = code('FLEET_SENSORS_OVERLAY_INVALID');
  expect(() => checkOverlay(JSON.parse('{"bus":{"__proto__":{"x":1}}}'), 'group')).toThrow(bad);
  expect(() => checkOverlay({ instruments: { constructor: {} } }, 'group')).toThrow(bad);
  expect(() => checkOverlay({ sensor: { name: 'all-the-same' } }, 'group')).toThrow(bad);
  expect(() => checkOverlay({ version: 2 }, 'sensor')).toThrow(bad);
  expect(() => checkOverlay({ unheard: {} }, 'group')).toThrow(bad);
  expect(() => checkOverlay({ bus: 'x'.repeat(300_000) }, 'group')).toThrow(bad);
  let deep: Json = 1;
  for (let i = 0; i < 40; i += 1) deep = { a: deep };
  expect(() => checkOverlay({ bus: deep }, 'group')).toThrow(bad);
  const invalidConfig = code('FLEET_SENSORS_CONFIG_INVALID');
  expect(() => readDocument('a: [')).toThrow(invalidConfig);
  expect(() => readDocument('version: 1')).toThrow(invalidConfig);
  const laughs = [
    'a: &a [x,x,x,x,x,x,x,x,x]',
    ...'bcdefgh'.split('').map((c, i) => {
      const before = 'abcdefg'[i] ?? '';
      return `${c}: &${c} [${Array(9).fill(`*${before}`).join(',')}]`;
    }),
  ].join('\n');
  expect(() => readDocument(laughs)).toThrow(invalidConfig);
});

test('what is sent says the same as what was put together, and is read back as that', () => {
  const { document } = effectiveConfig(base, { detectionCheck: { intervalS: 30 } }, {});
  expect(parse(documentText(document))).toEqual(document);
});

const scalar = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.boolean(), fc.constantFrom('a', 'b'));
const options = fc.dictionary(
  fc.constantFrom('x', 'y', 'z/~'),
  fc.oneof(scalar, fc.array(scalar, { maxLength: 2 })),
  { maxKeys: 3 },
);
const item = fc.record({ enabled: fc.boolean(), options }, { requiredKeys: [] });
const documents: fc.Arbitrary<JsonObject> = fc
  .record(
    {
      bus: options,
      instruments: fc
        .dictionary(fc.constantFrom('one', 'two', 'three'), item, { maxKeys: 3 })
        .map((named) => Object.entries(named).map(([name, rest]) => ({ name, ...rest }))),
    },
    { requiredKeys: [] },
  )
  .map((value) => JSON.parse(JSON.stringify(value)) as JsonObject);

test('the patch between two documents makes the one of the other', () => {
  fc.assert(
    fc.property(documents, documents, (from, to) => {
      const patch = patchBetween(from, to);
      const made = patch === undefined ? from : applyPatch(from, patch);
      expect(differencesOf(made, to)).toEqual([]);
    }),
  );
});

test('overrides are added to overrides: others stay, and what was taken away stays away', () => {
  const before = { bus: { streamMib: 64 }, instruments: { one: null, two: { options: { x: 1 } } } };
  const added = composePatches(before, {
    instruments: { two: { options: { y: 2 } } },
    detectionCheck: { enabled: false },
  });
  expect(added).toEqual({
    bus: { streamMib: 64 },
    instruments: { one: null, two: { options: { x: 1, y: 2 } } },
    detectionCheck: { enabled: false },
  });
});

test('a patch changes nothing that it is laid over', () => {
  fc.assert(
    fc.property(documents, documents, (from, to) => {
      const before = JSON.stringify(from);
      applyPatch(from, patchBetween(from, to) ?? {});
      expect(JSON.stringify(from)).toBe(before);
    }),
  );
});
