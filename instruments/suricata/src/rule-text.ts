/** One rule as it stands in a file. */
export interface RuleAt {
  /** First line of it, from 1. */
  line: number;
  /** Values of its `sid` options; a proper rule has exactly one. */
  sids: string[];
}

/** A place in a rule file that cannot be a rule for Suricata. */
export interface RuleFault {
  line: number;
  why: string;
}

/** Suricata cuts a longer line into pieces (DETECT_MAX_RULE_SIZE, 8192) and reads each as a rule. */
const MAX_RULE_BYTES = 8_000;
const TOO_LONG = `is longer than ${String(MAX_RULE_BYTES)} bytes.`;

/**
 * Finds the rules of a file exactly as Suricata 7 does (`DetectLoadSigFile`, `SigParseOptions`), so that no rule is loaded
 * that was not seen here: a line that begins with white space or `#` is none, a backslash at the end joins the next line,
 * options end at a semicolon without a backslash before it, quotes or not.
 */
export function findRules(text: string): { rules: RuleAt[]; fault?: RuleFault } {
  const rules: RuleAt[] = [];
  let joined = '';
  let first = 0;
  let number = 0;
  for (const line of text.split('\n')) {
    number += 1;
    if (joined === '') {
      first = number;
      // Also a comment: Suricata would read its end as a line of its own.
      if (Buffer.byteLength(line) > MAX_RULE_BYTES) return { rules, fault: { line: first, why: TOO_LONG } };
      if (/^(?:$|[\r #\t])/.test(line)) continue;
    }
    joined += line;
    if (joined.includes('\0')) return { rules, fault: { line: number, why: 'holds a NUL byte.' } };
    if (Buffer.byteLength(joined) > MAX_RULE_BYTES) {
      return { rules, fault: { line: first, why: TOO_LONG } };
    }
    const end = joined.trimEnd();
    if (end.endsWith('\\')) {
      joined = end.slice(0, -1);
      continue;
    }
    const rule = joined;
    joined = '';
    const sids = readSids(rule);
    if (sids === undefined)
      return { rules, fault: { line: first, why: 'is not a rule: options in parentheses are missing.' } };
    rules.push({ line: first, sids });
  }
  if (joined !== '')
    return { rules, fault: { line: first, why: 'is not complete: the file ends after a backslash.' } };
  return { rules };
}

/** Values of the `sid` options of one rule; undefined = it has no `(`. */
function readSids(rule: string): string[] | undefined {
  const open = rule.indexOf('(');
  if (open === -1 || rule.slice(0, open).includes(';')) return undefined;
  return rule
    .slice(open)
    .split(/(?<!\\);/)
    .map((option) => /^[\s(]*sid\s*:(.*)$/is.exec(option)?.[1]?.trim())
    .filter((value) => value !== undefined);
}
