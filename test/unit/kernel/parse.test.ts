import fc from 'fast-check';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { BulkheadError, jsonPointer, parseStrict } from '@bulkhead/platform/kernel';

const Schema = z.strictObject({
  list: z.array(z.strictObject({ name: z.string(), sizeMib: z.int().min(1) })),
  'a/b~c': z.boolean().optional(),
});
const parse = (value: unknown) => parseStrict(Schema, value, 'CLI_TEST', 'the list');

function fault(value: unknown): BulkheadError {
  try {
    parse(value);
  } catch (error) {
    if (error instanceof BulkheadError) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

test('the fault is found by its JSON pointer', () => {
  const error = fault({
    list: [
      { name: 'a', sizeMib: 1 },
      { name: 'b', sizeMib: 'much' },
    ],
  });
  expect(error.code).toBe('CLI_TEST');
  expect(error.fields).toEqual({ pointer: '/list/1/sizeMib' });
  expect(error.message).toMatch(/^the list is not valid: \/list\/1\/sizeMib: /);
  expect(error.hint).toContain('nothing was changed');
});

test('an unknown key is refused and pointed at, not its parent', () => {
  expect(fault({ list: [{ name: 'a', sizeMib: 1, siezMib: 2 }] }).fields).toEqual({
    pointer: '/list/0/siezMib',
  });
  expect(fault({ list: [], extra: 1 }).fields).toEqual({ pointer: '/extra' });
});

test('a whole that is of the wrong kind is pointed at by /', () => {
  for (const value of [null, [], 'x', 1, undefined]) expect(fault(value).fields).toEqual({ pointer: '/' });
});

test('pointers escape ~ and / as RFC 6901 says', () => {
  expect(fault({ list: [], 'a/b~c': 1 }).fields).toEqual({ pointer: '/a~1b~0c' });
});

test('a pointer can be taken apart again into its path', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.string(), fc.nat().map(String))), (path) => {
      const parts = jsonPointer(path).split('/').slice(1);
      expect(parts.map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))).toEqual(path);
    }),
  );
});

test('at most ten faults are told', () => {
  const error = fault({ list: Array.from({ length: 500 }, () => ({ name: 1, sizeMib: 0 })) });
  expect(error.message.split('; ')).toHaveLength(10);
});

test('what is accepted is frozen to its depth', () => {
  const value = parse({ list: [{ name: 'a', sizeMib: 1 }] });
  expect(Object.isFrozen(value)).toBe(true);
  expect(Object.isFrozen(value.list)).toBe(true);
  expect(Object.isFrozen(value.list[0])).toBe(true);
});

test('__proto__ is an unknown key and changes no prototype', () => {
  const hostile: unknown = JSON.parse('{"list":[],"__proto__":{"polluted":true}}');
  expect(fault(hostile).fields).toEqual({ pointer: '/__proto__' });
  expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
});
