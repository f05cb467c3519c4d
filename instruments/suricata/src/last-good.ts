import { open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { RulesetVariablesSchema } from '@bulkhead/sdk';
import { z } from 'zod';
import type { ManagedRuleset } from './managed-ruleset.ts';
import { MANAGED_DIR, type Ruleset } from './rule-files.ts';

const StoredSchema = z.strictObject({
  /** 1 knew no managed rulesets. */
  version: z.union([z.literal(1), z.literal(2)]),
  /** Digest of ruleset, configuration and program with which the test passed. */
  tested: z.string(),
  digest: z.string(),
  ruleCount: z.int().nonnegative(),
  files: z.record(z.string().regex(/^(?:(?:operator|managed)\/)?[a-z0-9][a-z0-9._-]{0,62}$/), z.string()),
  thresholds: z.string().default(''),
  /** Since when this digest runs (ISO 8601); those of before did not say it. */
  since: z.iso.datetime().optional(),
  managed: z
    .strictObject({
      version: z.string(),
      appliedAt: z.string(),
      file: z.string(),
      variables: RulesetVariablesSchema,
    })
    .optional(),
});

/** A ruleset that ran, and with what it was tested. */
export interface LastGood extends Ruleset {
  tested: string;
  /** Since when this very ruleset is in force; ISO 8601. */
  since?: string | undefined;
}

/** Keeps a ruleset over a restart: the old or the new one is there, never a part. */
export async function writeLastGood(path: string, good: LastGood): Promise<void> {
  const temporary = `${path}.next`;
  await rm(temporary, { force: true });
  const file = await open(temporary, 'wx', 0o600);
  try {
    const { tested, digest, ruleCount, thresholds, managed, since } = good;
    const files = Object.fromEntries(good.files);
    await file.writeFile(
      JSON.stringify({ version: 2, tested, digest, ruleCount, files, thresholds, managed, since }),
    );
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  const folder = await open(dirname(path), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** The ruleset that ran last; undefined = none, or not readable as one. */
export async function readLastGood(path: string): Promise<LastGood | undefined> {
  try {
    const { version: _, files, ...stored } = StoredSchema.parse(JSON.parse(await readFile(path, 'utf8')));
    return { ...stored, files: new Map(Object.entries(files)) };
  } catch {
    return undefined; // first start, or a damaged file: the instrument's own rules are there
  }
}

/** The managed ruleset that is a part of a ruleset. */
export function managedPart({ managed, files, thresholds }: Ruleset): ManagedRuleset | undefined {
  const rules = managed && files.get(`${MANAGED_DIR}/${managed.file}`);
  if (managed === undefined || rules === undefined) return undefined;
  return { facts: managed, file: managed.file, rules, thresholds };
}
