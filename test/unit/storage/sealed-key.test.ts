import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { openSealedKey, sealKey } from '../../../platform/storage/sealed-key.ts';

const sensorKey = randomBytes(32);
const master = randomBytes(64);
const binding = {
  kind: 'instrument',
  name: 'suricata',
  volume: '83355d39-183f-4b37-ae4b-497d15608abd',
} as const;
const damaged = expect.objectContaining({ code: 'STORAGE_KEY_DAMAGED' });

test('a sealed key opens with the sensor key and says which volume it is for', () => {
  const text = sealKey(sensorKey, binding, master);
  const opened = openSealedKey(sensorKey, binding, text);
  expect(opened.master.equals(master)).toBe(true);
  expect(opened.volume).toBe(binding.volume);
});

test('nothing of the key is in the file, and no two files are alike', () => {
  const one = sealKey(sensorKey, binding, master);
  const two = sealKey(sensorKey, binding, master);
  for (const text of [one, two]) {
    expect(text).not.toContain(master.toString('base64').slice(0, 20));
    expect(text).not.toContain(sensorKey.toString('hex').slice(0, 20));
  }
  const fields = (text: string) => JSON.parse(text) as Record<string, string>;
  for (const field of ['salt', 'nonce', 'sealed', 'tag']) {
    expect(fields(one)[field]).not.toBe(fields(two)[field]);
  }
});

test('another sensor key is told from damage', () => {
  const text = sealKey(sensorKey, binding, master);
  expect(() => openSealedKey(randomBytes(32), binding, text)).toThrow(
    expect.objectContaining({ code: 'STORAGE_KEY_WRONG' }),
  );
});

test('a key file moved to another name or kind does not open', () => {
  const text = sealKey(sensorKey, binding, master);
  expect(() => openSealedKey(sensorKey, { kind: 'instrument', name: 'other' }, text)).toThrow(damaged);
  expect(() => openSealedKey(sensorKey, { kind: 'platform', name: 'suricata' }, text)).toThrow(damaged);
});

test('a change of any field, authenticated or sealed, is refused', () => {
  const text = sealKey(sensorKey, binding, master);
  const file = JSON.parse(text) as Record<string, string | number>;
  const flip = (value: string) => {
    const bytes = Buffer.from(value, 'base64');
    bytes.writeUInt8(bytes.readUInt8(0) ^ 1, 0);
    return bytes.toString('base64');
  };
  const changed: Record<string, unknown>[] = [
    { ...file, name: 'other' },
    { ...file, volume: '00000000-183f-4b37-ae4b-497d15608abd' },
    { ...file, version: 2 },
    { ...file, more: 1 },
    ...['salt', 'nonce', 'sealed', 'tag'].map((field) => ({ ...file, [field]: flip(String(file[field])) })),
    { ...file, tag: Buffer.from(String(file['tag']), 'base64').subarray(0, 4).toString('base64') },
  ];
  for (const value of changed) {
    const name = value['name'] === 'other' ? 'other' : 'suricata';
    expect(() => openSealedKey(sensorKey, { kind: 'instrument', name }, JSON.stringify(value))).toThrow(
      damaged,
    );
  }
  for (const garbage of ['', '{}', text.slice(0, -20), 'null', '['.repeat(10_000)]) {
    expect(() => openSealedKey(sensorKey, binding, garbage)).toThrow(damaged);
  }
});
