import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { describeFleet } from '@bulkhead/fleet-server/fleetd';
import { ROOT } from '../house/repository.ts';

interface Operation {
  summary?: string;
  tags?: string[];
  security?: object[];
  responses?: object;
}
interface Document {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
}

test('fleet-ui/api/openapi.json is what the routes say (written by: npm run openapi)', async () => {
  // Not shown line by line: it is long, and the way out is one command.
  const isSame = readFileSync(join(ROOT, 'fleet-ui/api/openapi.json'), 'utf8') === (await describeFleet());
  expect(isSame).toBe(true);
});

test('every address is described in words, and says who may use it', () => {
  const { openapi, paths } = JSON.parse(
    readFileSync(join(ROOT, 'fleet-ui/api/openapi.json'), 'utf8'),
  ) as Document;
  expect(openapi).toMatch(/^3\.1\./);
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ name: `${method} ${path}`, ...operation })),
  );
  expect(operations.length).toBeGreaterThan(2);
  expect(operations.filter(({ name }) => !name.includes(' /api/v1/')).map(({ name }) => name)).toEqual([]);
  expect(operations.filter(({ summary }) => summary === undefined).map(({ name }) => name)).toEqual([]);
  expect(operations.filter(({ security }) => security === undefined).map(({ name }) => name)).toEqual([]);
});
