/** Why a ruleset is not taken. */
export type RefusalCode =
  | 'SURICATA_RULES_EMPTY'
  | 'SURICATA_RULES_BROKEN'
  | 'SURICATA_RULES_SID_MISSING'
  | 'SURICATA_RULES_SID_RESERVED'
  | 'SURICATA_RULES_SID_DUPLICATE'
  | 'SURICATA_RULES_TOO_LARGE'
  | 'SURICATA_RULES_UNREADABLE'
  | 'SURICATA_RULES_TEST_FAILED'
  | 'SURICATA_RELOAD_FAILED';

const HINTS: Readonly<Record<RefusalCode, string>> = {
  SURICATA_RULES_EMPTY: 'Give at least one rule, or remove the rule files and leave the starter rules on.',
  SURICATA_RULES_BROKEN: 'Correct the named line; "suricata -T" shows the same message.',
  SURICATA_RULES_SID_MISSING: 'Every rule needs exactly one sid.',
  SURICATA_RULES_SID_RESERVED: 'Give the rule a sid outside 2900000-2999999, which belong to the sensor.',
  SURICATA_RULES_SID_DUPLICATE: 'Give one of the two rules another sid, or remove it.',
  SURICATA_RULES_TOO_LARGE: 'Split or shorten the ruleset, or give the instrument more memory.',
  SURICATA_RULES_UNREADABLE: 'Rule files are regular UTF-8 text files whose names end in .rules.',
  SURICATA_RULES_TEST_FAILED: 'Look at the instrument\'s log ("bulkhead logs") for what Suricata said.',
  SURICATA_RELOAD_FAILED: "The rules of before go on; look at the instrument's log and try again.",
};

/** A ruleset that is not taken: what, where (file and line), and what to do. What ran before goes on. */
export class RuleRefusal extends Error {
  readonly code: RefusalCode;
  readonly file: string | undefined;
  readonly line: number | undefined;
  readonly hint: string;

  constructor(code: RefusalCode, what: string, at: { file?: string; line?: number } = {}) {
    const place =
      at.file === undefined ? '' : `${at.file}${at.line === undefined ? '' : ` line ${String(at.line)}`}: `;
    super(`${place}${what} ${HINTS[code]}`);
    this.name = 'RuleRefusal';
    this.code = code;
    this.file = at.file;
    this.line = at.line;
    this.hint = HINTS[code];
  }
}
