import type { ConfigRevision, DesiredConfig } from '@bulkhead/fleet-api';
import { expect, test } from 'vitest';
import { settingOf, withSetting } from '../../../fleet-ui/web/src/api/config.ts';
import { wholeStatus } from '../../../fleet-ui/web/src/api/sensor.ts';
import {
  optionFields,
  typedOf,
  usualWords,
  valueOf,
} from '../../../fleet-ui/web/src/pages/instruments/option-fields.ts';
import { lostAfter } from '../../../fleet-ui/web/src/pages/sensor/lost-after.ts';
import { SETUP } from '../../support/fleet-web/asked-machine.ts';
import { SENSORS, statusOf } from '../../support/fleet-web/sensors.ts';

test('a form is made of what a manifest says can be set; what is not understood is typed as JSON', () => {
  const fields = optionFields(SETUP.schema);
  expect(fields.map(({ name, kind }) => [name, kind])).toEqual([
    ['homeNet', 'lines'],
    ['starterRules', 'switch'],
    ['checksums', 'choice'],
    ['statsIntervalS', 'number'],
  ]);
  expect(optionFields(undefined)).toEqual([]);
  expect(optionFields({ properties: { x: 5, y: { anyOf: [] } } }).map(({ kind }) => kind)).toEqual([
    'json',
    'json',
  ]);
});

test('what is typed into a field is a value, nothing, or wrong', () => {
  const [lines, flag, choice, number] = optionFields(SETUP.schema);
  expect(valueOf(lines!, ' 10.0.0.0/8\n\n fc00::/7 ')).toEqual({ value: ['10.0.0.0/8', 'fc00::/7'] });
  expect(valueOf(flag!, 'false')).toEqual({ value: false });
  expect(valueOf(choice!, 'strict')).toEqual({ value: 'strict' });
  expect(valueOf(choice!, 'lax')).toHaveProperty('problem');
  expect(valueOf(number!, '9')).toEqual({ value: 9 });
  for (const wrong of ['0', '301', '1.5', 'x'])
    expect(valueOf(number!, wrong), wrong).toHaveProperty('problem');
  for (const field of [lines!, flag!, choice!, number!])
    expect(valueOf(field, ' ')).toEqual({ value: undefined });
  const [json] = optionFields({ properties: { groups: { type: 'object' } } });
  expect(valueOf(json!, '{"A":["1"]}')).toEqual({ value: { A: ['1'] } });
  expect(valueOf(json!, '{')).toHaveProperty('problem');
  // What is shown is read back as what it was.
  expect(valueOf(lines!, typedOf(lines!, ['a', 'b']))).toEqual({ value: ['a', 'b'] });
  expect(valueOf(json!, typedOf(json!, { A: ['1'] }))).toEqual({ value: { A: ['1'] } });
  expect([true, [], ['a'], { a: 1 }, 7, undefined].map(usualWords)).toEqual([
    'on',
    'none',
    'a',
    '{"a":1}',
    '7',
    'none',
  ]);
});

test('one setting of the overrides is changed or taken away, and nothing else', () => {
  const own: DesiredConfig['overrides'] = {
    instruments: { suricata: { limits: { memoryMib: 9 }, enabled: true } },
    bus: { streamMib: 9 },
  };
  const path = ['instruments', 'suricata', 'limits', 'memoryMib'];
  expect(settingOf(own, path)).toBe(9);
  expect(settingOf(own, ['instruments', 'zeek', 'limits'])).toBeUndefined();
  expect(settingOf(own, ['constructor'])).toBeUndefined();
  expect(withSetting(own, path, undefined)).toEqual({
    instruments: { suricata: { enabled: true } },
    bus: { streamMib: 9 },
  });
  expect(withSetting({}, path, 5)).toEqual({ instruments: { suricata: { limits: { memoryMib: 5 } } } });
  expect(withSetting({ instruments: { suricata: { limits: { memoryMib: 5 } } } }, path, undefined)).toEqual(
    {},
  );
});

test('a link that ended right after a configuration is told with the way back', () => {
  const at = (second: number) => new Date(Date.UTC(2026, 10, 21, 12, 0, second)).toISOString();
  const revision = (number: number, state: ConfigRevision['state'], atS: number): ConfigRevision => ({
    ...{ number, state, at: at(atS), author: 'anna', reason: '', cause: 'sensor' },
  });
  const revisions = [revision(7, 'waiting', 10), revision(6, 'superseded', -50), revision(5, 'applied', -90)];
  const gone = { attached: false, since: at(30) };
  expect(lostAfter(gone, revisions)).toEqual({ revision: 7, afterS: 20, back: 5 });
  expect(lostAfter({ ...gone, attached: true }, revisions)).toBeUndefined();
  expect(lostAfter({ attached: false, since: at(600) }, revisions)).toBeUndefined();
  // Made while it was away: never arrived.
  expect(lostAfter({ attached: false, since: at(0) }, [revision(7, 'waiting', 10)])).toBeUndefined();
  expect(lostAfter(gone, [{ ...revision(7, 'applied', -900), resultAt: at(25) }])?.afterS).toBe(5);
  expect(lostAfter(undefined, revisions)).toBeUndefined();
});

test('machine, volumes and use of a sensor are passed on; an older one does not tell', () => {
  const status = wholeStatus(statusOf(SENSORS[0]!));
  expect(status.host?.cpus).toBe(8);
  expect(status.volumes).toHaveLength(2);
  expect(status.instruments.find(({ name }) => name === 'suricata')?.use?.cpuLimitCores).toBe(2);
  expect(wholeStatus({ attention: [], monitors: [], instruments: [] }).host).toBeUndefined();
});
