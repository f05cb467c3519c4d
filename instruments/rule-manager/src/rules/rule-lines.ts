import { isUtf8 } from 'node:buffer';
import type { Fault } from '../api/results.ts';
import { hintOf, RulesError, type RulesErrorCode } from '../errors.ts';
import { isDisabledRule, isFault, MAX_RULE_BYTES, parseRule, type ParsedRule } from './rule-text.ts';

/** A rule and where it stands. */
export interface PlacedRule extends ParsedRule {
  file: string;
  /** First line of it, from 1. */
  line: number;
}

/** Most faults that are told of one source. */
export const MAX_FAULTS = 50;
/** A comment may be longer than a rule, not boundless. */
const MAX_COMMENT_BYTES = 65_536;
const MAX_LINES = 2_000_000;
const NEWLINE = 10;
/** Lines that are read before others get their turn. */
const TURN = 500;

/** What was found in the files of a source. */
export interface FoundRules {
  /** By sid; of two with the same sid the higher revision, then the first. */
  rules: Map<number, PlacedRule>;
  faults: Fault[];
  /** All faults, also those beyond the first {@link MAX_FAULTS}. */
  faultCount: number;
  /** Rules that another with the same sid took the place of. */
  repeated: number;
}

export function noRules(): FoundRules {
  return { rules: new Map(), faults: [], faultCount: 0, repeated: 0 };
}

/**
 * Reads the rules of one file into `found`, however hostile its bytes: a line is looked at in place and only decoded when it is
 * short enough. Gives others a turn every 500 lines.
 * @param maxRules of the whole source
 * @throws RulesError RULES_RULESET_TOO_LARGE
 */
export async function readRules(
  found: FoundRules,
  file: string,
  bytes: Buffer,
  maxRules: number,
): Promise<void> {
  let joined = '';
  let first = 0;
  let number = 0;
  const refuse = (line: number, code: RulesErrorCode, what: string): void => {
    found.faultCount += 1;
    joined = '';
    if (found.faults.length < MAX_FAULTS)
      found.faults.push({ file, line, code, message: `${what} ${hintOf(code)}` });
  };
  for (let start = 0; start < bytes.length;) {
    const newline = bytes.indexOf(NEWLINE, start);
    const end = newline === -1 ? bytes.length : newline;
    const raw = bytes.subarray(start, end);
    start = end + 1;
    number += 1;
    if (number % TURN === 0) await new Promise((resolve) => setImmediate(resolve));
    if (number > MAX_LINES) {
      throw new RulesError('RULES_RULESET_TOO_LARGE', `${file} has more than ${String(MAX_LINES)} lines.`);
    }
    if (joined === '') first = number;
    const comment = joined === '' && raw[0] === 0x23;
    if (joined === '' && isBlank(raw)) continue;
    if (raw.length + joined.length > (comment ? MAX_COMMENT_BYTES : MAX_RULE_BYTES)) {
      refuse(first, 'RULES_LINE_TOO_LONG', `The line has ${String(raw.length)} bytes.`);
      continue;
    }
    if (!isUtf8(raw) || raw.includes(0)) {
      refuse(number, 'RULES_NOT_UTF8', 'The line is not UTF-8 text.');
      continue;
    }
    const line = raw.toString('utf8').trimEnd();
    if (comment && !isDisabledRule(line)) continue;
    joined += comment ? line.replace(/^#+[ \t]*/, '') : line;
    if (joined.endsWith('\\') && !comment) {
      joined = joined.slice(0, -1);
      if (start >= bytes.length) refuse(first, 'RULES_NOT_A_RULE', 'The file ends in the middle of a rule.');
      continue;
    }
    const parsed = parseRule(joined, !comment);
    joined = '';
    if (isFault(parsed)) {
      // What stands behind a comment sign may be anything.
      if (!comment) refuse(first, parsed.code, parsed.message.replace(` ${hintOf(parsed.code)}`, ''));
      continue;
    }
    keep(found, { ...parsed, file, line: first });
    if (found.rules.size > maxRules) {
      throw new RulesError('RULES_RULESET_TOO_LARGE', `There are more than ${String(maxRules)} rules.`);
    }
  }
}

function keep(found: FoundRules, rule: PlacedRule): void {
  const other = found.rules.get(rule.sid);
  if (other === undefined) found.rules.set(rule.sid, rule);
  else {
    found.repeated += 1;
    // One that is switched on is not lost to one that is switched off.
    const better = rule.enabled === other.enabled ? rule.rev > other.rev : rule.enabled;
    if (better) found.rules.set(rule.sid, rule);
  }
}

function isBlank(raw: Buffer): boolean {
  for (let at = 0; at < raw.length && at < MAX_COMMENT_BYTES; at += 1) {
    const byte = raw[at];
    if (byte !== 0x20 && byte !== 0x09 && byte !== 0x0d) return false;
  }
  return raw.length < MAX_COMMENT_BYTES;
}
