import { constants } from 'node:fs';
import { mkdir, open, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createHash } from 'node:crypto';
import { RuleRefusal } from './rule-refusal.ts';
import { findRules } from './rule-text.ts';
import { OWN_SIDS } from './reserved.ts';

/** A ruleset that was read, not yet tested by Suricata. */
export interface Ruleset {
  /** Path relative to the rules folder -> text. The reserved rules come first. */
  files: ReadonlyMap<string, string>;
  /** All rules, the reserved one included. */
  ruleCount: number;
  /** SHA-256 of names and texts. */
  digest: string;
}

/** Bounds of what an operator may give. */
const MAX_FILES = 64;
const MAX_BYTES = 128 * 2 ** 20;

/** Below this folder, inside the rules folder, lie the operator's files under their own names. */
export const OPERATOR_DIR = 'operator';

/** The rules that come with the instrument: `reserved.rules` always, `starter.rules` when wanted. */
export async function readOwnRules(rulesDir: string, starter: boolean): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const name of starter ? ['reserved.rules', 'starter.rules'] : ['reserved.rules']) {
    files.set(name, await readText(join(rulesDir, name), name, MAX_BYTES));
  }
  return files;
}

/**
 * Reads the operator's `*.rules` files, flat, without following links. Other files are left alone.
 * @throws RuleRefusal SURICATA_RULES_UNREADABLE, SURICATA_RULES_TOO_LARGE
 */
export async function readOperatorRules(resourcesDir: string): Promise<Map<string, string>> {
  let names: string[];
  try {
    names = (await readdir(resourcesDir)).filter((name) => name.endsWith('.rules')).sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Map();
    throw error;
  }
  if (names.length > MAX_FILES) {
    throw new RuleRefusal(
      'SURICATA_RULES_TOO_LARGE',
      `There are ${String(names.length)} rule files; ${String(MAX_FILES)} are taken.`,
    );
  }
  const files = new Map<string, string>();
  let room = MAX_BYTES;
  for (const name of names) {
    if (!/^[a-z0-9][a-z0-9._-]{0,62}$/.test(name)) {
      throw new RuleRefusal(
        'SURICATA_RULES_UNREADABLE',
        `The name ${JSON.stringify(name)} holds other than a-z, 0-9, ".", "_", "-".`,
      );
    }
    const text = await readText(join(resourcesDir, name), name, room);
    room -= Buffer.byteLength(text);
    files.set(`${OPERATOR_DIR}/${name}`, text);
  }
  return files;
}

/**
 * Puts a ruleset together and checks what Suricata would not: that there are rules at all, and that no rule takes the place
 * of another or of ours (Suricata lets the higher revision of a sid win).
 * @throws RuleRefusal with file and line
 */
export function composeRuleset(
  own: ReadonlyMap<string, string>,
  operator: ReadonlyMap<string, string>,
): Ruleset {
  const seen = new Map<number, string>();
  const hash = createHash('sha256');
  let ownCount = 0;
  let operatorCount = 0;
  for (const [path, text] of [...own, ...operator]) {
    hash.update(`${String(path.length)}:${path}${String(text.length)}:`).update(text);
    const theirs = operator.has(path);
    const file = theirs ? path.slice(OPERATOR_DIR.length + 1) : path;
    const { rules, fault } = findRules(text);
    if (fault !== undefined) {
      throw new RuleRefusal('SURICATA_RULES_BROKEN', `This line ${fault.why}`, { file, line: fault.line });
    }
    for (const rule of rules) {
      const at = { file, line: rule.line };
      const [value] = rule.sids;
      if (rule.sids.length !== 1 || value === undefined || !/^\d{1,10}$/.test(value)) {
        throw new RuleRefusal(
          'SURICATA_RULES_SID_MISSING',
          'The rule has no sid, or more than one, or one that is no number.',
          at,
        );
      }
      const sid = Number(value);
      if (theirs && sid >= OWN_SIDS.first && sid <= OWN_SIDS.last) {
        throw new RuleRefusal(
          'SURICATA_RULES_SID_RESERVED',
          `The sid ${String(sid)} belongs to the sensor.`,
          at,
        );
      }
      const other = seen.get(sid);
      if (other !== undefined) {
        throw new RuleRefusal(
          'SURICATA_RULES_SID_DUPLICATE',
          `The sid ${String(sid)} stands already in ${other}.`,
          at,
        );
      }
      seen.set(sid, `${file} line ${String(rule.line)}`);
    }
    if (theirs) operatorCount += rules.length;
    else if (path !== 'reserved.rules') ownCount += rules.length;
  }
  if (operator.size > 0 && operatorCount === 0) {
    const names = [...operator.keys()].map((path) => path.slice(OPERATOR_DIR.length + 1));
    throw new RuleRefusal('SURICATA_RULES_EMPTY', `There is no rule in ${names.join(', ')}.`);
  }
  if (ownCount + operatorCount === 0) {
    throw new RuleRefusal(
      'SURICATA_RULES_EMPTY',
      'The starter rules are off and there are no rule files: nothing would be detected.',
    );
  }
  return { files: new Map([...own, ...operator]), ruleCount: seen.size, digest: hash.digest('hex') };
}

/** Writes the files of a ruleset below a folder. */
export async function writeRuleset(dir: string, ruleset: Pick<Ruleset, 'files'>): Promise<void> {
  for (const [path, text] of ruleset.files) {
    const file = join(dir, path);
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await writeFile(file, text, { mode: 0o600 });
  }
}

/** Reads a regular UTF-8 file of at most `maxBytes`; no link is followed and no pipe is waited for. */
async function readText(path: string, name: string, maxBytes: number): Promise<string> {
  const refuse = (what: string): never => {
    throw new RuleRefusal('SURICATA_RULES_UNREADABLE', what, { file: name });
  };
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
    (error: unknown) =>
      refuse(`It cannot be read: ${(error as NodeJS.ErrnoException).code ?? String(error)}.`),
  );
  try {
    const stat = await file.stat();
    if (!stat.isFile()) refuse('It is not a regular file.');
    if (stat.size > maxBytes) {
      throw new RuleRefusal(
        'SURICATA_RULES_TOO_LARGE',
        `All rule files together exceed ${String(MAX_BYTES / 2 ** 20)} MiB.`,
        { file: name },
      );
    }
    const buffer = Buffer.alloc(stat.size);
    const { bytesRead } = await file.read(buffer, 0, stat.size, 0);
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(
        buffer.subarray(0, bytesRead),
      );
    } catch {
      return refuse('It is not UTF-8 text.');
    }
  } finally {
    await file.close();
  }
}
