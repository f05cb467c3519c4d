import { expect, test } from 'vitest';
import { OPERATIONS, type OperationName } from '../../../instruments/rule-manager/src/api-types.ts';
import { READING } from '../../../instruments/rule-manager/ui/api.ts';

test('the page asks by GET exactly for what changes nothing', () => {
  const names = Object.keys(OPERATIONS) as OperationName[];
  expect([...READING].sort()).toEqual(names.filter((name) => !OPERATIONS[name].changes).sort());
});
