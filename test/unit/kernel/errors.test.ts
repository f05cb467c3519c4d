import { expect, test } from 'vitest';
import { BulkheadError, describeError, hasCode } from '@bulkhead/platform/kernel';

const error = new BulkheadError({
  code: 'STORAGE_VOLUME_FULL',
  message: 'The volume of suricata is full.',
  hint: 'Make it larger.',
  fields: { instrument: 'suricata', usedMib: 64 },
  cause: new Error('ENOSPC with /secret/path'),
});

test('people see code, message, hint and fields; the cause stays for the log', () => {
  expect(JSON.parse(JSON.stringify(error))).toEqual({
    code: 'STORAGE_VOLUME_FULL',
    message: 'The volume of suricata is full.',
    hint: 'Make it larger.',
    fields: { instrument: 'suricata', usedMib: 64 },
  });
  expect(error.cause).toBeInstanceOf(Error);
});

test('fields cannot be changed by who catches the error, nor by who made it', () => {
  const fields = { a: 1 };
  const made = new BulkheadError({ code: 'A_B', message: 'm', fields });
  fields.a = 2;
  expect(made.fields).toEqual({ a: 1 });
  expect(Object.isFrozen(made.fields)).toBe(true);
});

test('an absent hint is absent, not null', () => {
  expect(Object.keys(new BulkheadError({ code: 'A_B', message: 'm' }).toJSON())).toEqual([
    'code',
    'message',
    'fields',
  ]);
});

test('hasCode works for anything thrown', () => {
  expect(hasCode(error, 'STORAGE_VOLUME_FULL')).toBe(true);
  expect(hasCode(error, 'STORAGE_OTHER')).toBe(false);
  expect(hasCode(Object.assign(new Error('x'), { code: 'ENOENT' }), 'ENOENT')).toBe(true);
  for (const thrown of [null, undefined, 'ENOENT', 7]) expect(hasCode(thrown, 'ENOENT')).toBe(false);
});

test('one line for a log', () => {
  expect(describeError(error)).toBe('STORAGE_VOLUME_FULL: The volume of suricata is full.');
  expect(describeError(new Error('plain'))).toBe('plain');
  expect(describeError('thrown text')).toBe('thrown text');
});
