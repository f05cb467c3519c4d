import { createHash } from 'node:crypto';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { MAX_FAULTS, MAX_RULES_BYTES, RULESET_FILE_PREFIX, type RulesetFault } from '@bulkhead/sdk';
import type { ManagedFacts, ManagedRuleset } from './managed-ruleset.ts';
import { OWN_SIDS } from './reserved.ts';
import { readText } from './resource-file.ts';
import { RuleRefusal, fault, refuseAll } from './rule-refusal.ts';
import { findRules } from './rule-text.ts';

/** A ruleset that was read, not yet tested by Suricata. */
export interface Ruleset {
  /** Path relative to the rules folder -> text. The reserved rules come first. */
  files: ReadonlyMap<string, string>;
  /** Thresholds and suppressions; empty = none. */
  thresholds: string;
  /** All rules, the reserved one included. */
  ruleCount: number;
  /** SHA-256 of names and texts. */
  digest: string;
  /** The managed ruleset in it; undefined = none. */
  managed?: ManagedFacts | undefined;
}

/** Bounds of what an operator may give. */
const MAX_FILES = 64;

/** Below these folders, inside the rules folder, lie the operator's files and the managed ones, under their own names. */
export const OPERATOR_DIR = 'operator';
export const MANAGED_DIR = 'managed';

/** Beside the rules, always there. */
export const THRESHOLD_FILE = 'threshold.config';

/** The rules that come with the instrument: `reserved.rules` always, `starter.rules` when wanted. */
export async function readOwnRules(rulesDir: string, starter: boolean): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const name of starter ? ['reserved.rules', 'starter.rules'] : ['reserved.rules']) {
    files.set(name, await readText(join(rulesDir, name), name, MAX_RULES_BYTES));
  }
  return files;
}

/**
 * Reads the operator's `*.rules` files, flat, without following links. Other files, and those of managed rulesets, are left alone.
 * @throws RuleRefusal SURICATA_RULES_UNREADABLE, SURICATA_RULES_TOO_LARGE
 */
export async function readOperatorRules(resourcesDir: string): Promise<Map<string, string>> {
  let names: string[];
  try {
    names = (await readdir(resourcesDir))
      .filter((name) => name.endsWith('.rules') && !name.startsWith(RULESET_FILE_PREFIX))
      .sort();
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
  let room = MAX_RULES_BYTES;
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
 * @throws RuleRefusal with every place, up to 50
 */
export function composeRuleset(
  own: ReadonlyMap<string, string>,
  operator: ReadonlyMap<string, string>,
  managed?: ManagedRuleset,
): Ruleset {
  const files = new Map([...own, ...operator]);
  if (managed !== undefined) files.set(`${MANAGED_DIR}/${managed.file}`, managed.rules);
  const hash = createHash('sha256');
  const seen = new Map<number, string>();
  const faults: RulesetFault[] = [];
  const counts = { own: 0, operator: 0, managed: 0 };
  for (const [path, text] of files) {
    hash.update(`${String(path.length)}:${path}${String(text.length)}:`).update(text);
    const whose = own.has(path) ? 'own' : operator.has(path) ? 'operator' : 'managed';
    const found = checkFile(shortName(path), text, whose !== 'own', seen, faults);
    if (path !== 'reserved.rules') counts[whose] += found;
  }
  refuseAll(faults);
  if (managed !== undefined && counts.managed === 0) {
    throw new RuleRefusal('SURICATA_RULES_EMPTY', 'There is no rule in it.', { file: managed.file });
  }
  if (operator.size > 0 && counts.operator === 0) {
    const names = [...operator.keys()].map(shortName);
    throw new RuleRefusal('SURICATA_RULES_EMPTY', `There is no rule in ${names.join(', ')}.`);
  }
  if (counts.own + counts.operator + counts.managed === 0) {
    throw new RuleRefusal(
      'SURICATA_RULES_EMPTY',
      'The starter rules are off and there are no rule files: nothing would be detected.',
    );
  }
  const thresholds = managed?.thresholds ?? '';
  return {
    files,
    thresholds,
    ruleCount: seen.size,
    digest: hash.update(`thresholds${thresholds}`).digest('hex'),
    managed: managed?.facts,
  };
}

/** Name of a file as people gave it. */
export function shortName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** Writes the files of a ruleset below a folder. */
export async function writeRuleset(dir: string, ruleset: Ruleset): Promise<void> {
  for (const [path, text] of [...ruleset.files, [THRESHOLD_FILE, ruleset.thresholds] as const]) {
    const file = join(dir, path);
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await writeFile(file, text, { mode: 0o600 });
  }
}

/** Checks one file; its sids go into `seen`, its faults into `faults`. @returns how many rules it has */
function checkFile(
  file: string,
  text: string,
  foreign: boolean,
  seen: Map<number, string>,
  faults: RulesetFault[],
): number {
  const { rules, fault: broken } = findRules(text);
  if (broken !== undefined && faults.length < MAX_FAULTS) {
    faults.push(fault('SURICATA_RULES_BROKEN', `This line ${broken.why}`, { file, line: broken.line }));
  }
  for (const rule of rules) {
    if (faults.length >= MAX_FAULTS) break;
    const at = { file, line: rule.line };
    const [value] = rule.sids;
    if (rule.sids.length !== 1 || value === undefined || !/^\d{1,10}$/.test(value)) {
      const what = 'The rule has no sid, or more than one, or one that is no number.';
      faults.push(fault('SURICATA_RULES_SID_MISSING', what, at));
      continue;
    }
    const sid = Number(value);
    const other = seen.get(sid);
    if (foreign && sid >= OWN_SIDS.first && sid <= OWN_SIDS.last) {
      faults.push(fault('SURICATA_RULES_SID_RESERVED', `The sid ${value} belongs to the sensor.`, at));
    } else if (other !== undefined) {
      faults.push(fault('SURICATA_RULES_SID_DUPLICATE', `The sid ${value} stands already in ${other}.`, at));
    } else {
      seen.set(sid, `${file} line ${String(rule.line)}`);
    }
  }
  return rules.length;
}
