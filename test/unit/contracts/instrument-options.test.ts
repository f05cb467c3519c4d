import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { OptionsSchema as DownloaderOptions } from '../../../instruments/downloader/src/options.ts';
import { OptionsSchema as PassiveDnsOptions } from '../../../instruments/passive-dns/src/options.ts';
import { OptionsSchema as RuleManagerOptions } from '../../../instruments/rule-manager/src/options.ts';
import { OptionsSchema as SuricataOptions } from '../../../instruments/suricata/src/options.ts';
import { ManifestSchema } from '../../../platform/contracts/index.ts';

type Property = Record<string, unknown>;
const PLAIN = ['type', 'enum', 'minimum', 'maximum', 'default'];
/** What a form needs to know; how strings and members are judged in detail is for the instrument alone. */
const plain = (property: Property) => {
  const kept = Object.fromEntries(Object.entries(property).filter(([name]) => PLAIN.includes(name)));
  return 'enum' in kept ? { enum: kept['enum'], default: kept['default'] } : kept;
};

test.each([
  ['suricata', SuricataOptions],
  ['passive-dns', PassiveDnsOptions],
  ['rule-manager', RuleManagerOptions],
  ['downloader', DownloaderOptions],
])('the manifest of %s says what its options are', async (name, schema) => {
  const text = await readFile(`instruments/${name}/instrument.yaml`, 'utf8');
  const { options } = ManifestSchema.parse(parse(text));
  const said = (options?.['properties'] ?? {}) as Record<string, Property>;
  const real = z.toJSONSchema(schema, { io: 'input' }).properties as Record<string, Property>;
  expect(Object.keys(said).sort()).toEqual(Object.keys(real).sort());
  for (const [key, property] of Object.entries(real)) {
    expect(plain(said[key] ?? {}), key).toEqual(plain(property));
    expect(said[key]?.['title'], key).toBeTypeOf('string');
  }
  expect(ManifestSchema.safeParse({ ...parse(text), options: { x: 'y'.repeat(40_000) } }).success).toBe(
    false,
  );
});
