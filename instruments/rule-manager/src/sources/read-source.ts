import { noRules, readRules, type PlacedRule } from '../rules/rule-lines.ts';
import type { SourceFile } from './source-store.ts';
import { RulesError } from '../errors.ts';
import type { ResourceFile } from './resource-file.ts';
import { unpack, UNPACK_BOUNDS, type UnpackBounds } from './unpack.ts';

/** Most rules of one source. */
export const MAX_RULES = 200_000;

/** The rules of a source's file, or why none of them is taken. */
export type ReadSource =
  | { ok: true; file: SourceFile; rules: Iterable<PlacedRule>; count: number }
  | { ok: false; file: SourceFile; error: RulesError };

/**
 * Reads a source's file, whatever it is. Nothing is taken from a file with faults unless `skipFaulty`, and nothing from one
 * without a rule.
 */
export async function readSource(
  name: string,
  resource: ResourceFile,
  skipFaulty: boolean,
  bounds: UnpackBounds = UNPACK_BOUNDS,
): Promise<ReadSource> {
  const file = { digest: resource.digest, bytes: resource.bytes.length, skipped: 0, faults: [] };
  const refuse = (error: RulesError): ReadSource => ({
    ok: false,
    file: { ...file, faults: error.faults },
    error,
  });
  try {
    const found = noRules();
    for (const text of await unpack(name, resource.bytes, bounds)) {
      await readRules(found, text.name, text.bytes, MAX_RULES);
    }
    const { faults, faultCount } = found;
    if (faultCount > 0 && !skipFaulty) {
      const [first] = faults;
      const at = first === undefined ? '' : `: ${first.file} line ${String(first.line)}: ${first.code}`;
      const what = faultCount === 1 ? 'A line is not valid' : `${String(faultCount)} lines are not valid`;
      return refuse(new RulesError('RULES_FILE_FAULTY', `${what}${at}.`, { faults }));
    }
    if (found.rules.size === 0) {
      return refuse(new RulesError('RULES_FILE_EMPTY', 'There is no rule in it.', { faults }));
    }
    return {
      ok: true,
      file: { ...file, skipped: faultCount, faults },
      rules: found.rules.values(),
      count: found.rules.size,
    };
  } catch (error) {
    if (error instanceof RulesError) return refuse(error);
    throw error;
  }
}
