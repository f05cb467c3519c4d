import { open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import type { Ruleset } from './rule-files.ts';

const StoredSchema = z.strictObject({
  version: z.literal(1),
  /** Digest of ruleset, configuration and program with which `suricata -T` passed. */
  tested: z.string(),
  digest: z.string(),
  ruleCount: z.int().nonnegative(),
  files: z.record(z.string().regex(/^(?:operator\/)?[a-z0-9][a-z0-9._-]{0,62}$/), z.string()),
});

/** A ruleset that ran, and with what it was tested. */
export interface LastGood extends Ruleset {
  tested: string;
}

/** Keeps a ruleset over a restart: the old or the new one is there, never a part. */
export async function writeLastGood(path: string, good: LastGood): Promise<void> {
  const temporary = `${path}.next`;
  await rm(temporary, { force: true });
  const file = await open(temporary, 'wx', 0o600);
  try {
    await file.writeFile(
      JSON.stringify({
        version: 1,
        tested: good.tested,
        digest: good.digest,
        ruleCount: good.ruleCount,
        files: Object.fromEntries(good.files),
      }),
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
    const stored = StoredSchema.parse(JSON.parse(await readFile(path, 'utf8')));
    return {
      tested: stored.tested,
      digest: stored.digest,
      ruleCount: stored.ruleCount,
      files: new Map(Object.entries(stored.files)),
    };
  } catch {
    return undefined; // first start, or a damaged file: the instrument's own rules are there
  }
}
