import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { BulkheadError } from '@bulkhead/platform/kernel';
import { loadSensorConfig, parseSensorConfig } from '@bulkhead/platform/sensord';

const GOOD = `version: 1
sensor: { name: lab }
monitorInterfaces: [{ name: mon, device: span0 }]
`;

function fault(text: string): BulkheadError {
  try {
    parseSensorConfig(text, 'sensor.yaml');
  } catch (error) {
    if (error instanceof BulkheadError) return error;
  }
  throw new Error('was accepted');
}

describe('a sensor configuration', () => {
  test('is accepted with defaults filled in and frozen', () => {
    const config = parseSensorConfig(GOOD, 'sensor.yaml');
    expect(config.bus).toEqual({ streamMib: 256, encrypt: true });
    expect(Object.isFrozen(config.monitorInterfaces[0])).toBe(true);
  });

  test.each([
    ['an unknown key', `${GOOD}surprise: 1\n`, '/surprise'],
    [
      'a wrong type deep inside',
      `${GOOD}detectionCheck: { intervalS: often }\n`,
      '/detectionCheck/intervalS',
    ],
    ['a device name with a slash', GOOD.replace('span0', '../etc'), '/monitorInterfaces/0/device'],
    [
      'a reserved instrument name',
      `${GOOD}instruments: [{ name: platform, package: x }]\n`,
      '/instruments/0/name',
    ],
    [
      'wiring to nowhere',
      `${GOOD}instruments: [{ name: x, package: x, interfaces: { mon0: other } }]\n`,
      '/instruments/0/interfaces/mon0',
    ],
  ])('with %s is refused with the place', (_title, text, pointer) => {
    expect(fault(text)).toMatchObject({ code: 'SENSORD_CONFIG_INVALID', fields: { pointer } });
  });

  test('that is not YAML, repeats a key or is a bomb of aliases is refused with a hint', () => {
    expect(fault('version: [1')).toMatchObject({ code: 'SENSORD_CONFIG_INVALID' });
    expect(fault(`${GOOD}version: 1\n`).message).toContain('unique');
    const bomb = ['a: &a [x, x, x, x, x, x, x, x, x]'];
    for (const [at, name] of [...'bcdefgh'].entries()) {
      const before = 'abcdefgh'[at] ?? 'a';
      bomb.push(`${name}: &${name} [${Array.from({ length: 9 }, () => `*${before}`).join(', ')}]`);
    }
    expect(fault(bomb.join('\n')).code).toBe('SENSORD_CONFIG_INVALID');
  });

  test('that is missing or far too large is refused before it is parsed', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'bulkhead-config-'));
    try {
      await expect(loadSensorConfig(join(dir, 'none.yaml'))).rejects.toMatchObject({
        code: 'SENSORD_CONFIG_UNREADABLE',
      });
      await writeFile(join(dir, 'big.yaml'), Buffer.alloc((1 << 20) + 1, 32));
      await expect(loadSensorConfig(join(dir, 'big.yaml'))).rejects.toMatchObject({
        code: 'SENSORD_CONFIG_INVALID',
      });
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  });
});
