import type { RulesetFault } from '@bulkhead/sdk';

/** Why a ruleset is not taken. */
export type RefusalCode =
  | 'SURICATA_RULES_EMPTY'
  | 'SURICATA_RULES_BROKEN'
  | 'SURICATA_RULES_BLIND'
  | 'SURICATA_RULES_SID_MISSING'
  | 'SURICATA_RULES_SID_RESERVED'
  | 'SURICATA_RULES_SID_DUPLICATE'
  | 'SURICATA_RULES_TOO_LARGE'
  | 'SURICATA_RULES_UNREADABLE'
  | 'SURICATA_RULES_DIGEST'
  | 'SURICATA_RULES_TEST_FAILED'
  | 'SURICATA_THRESHOLDS_BROKEN'
  | 'SURICATA_CAPTURE_UNREADABLE'
  | 'SURICATA_MANAGED_OFF'
  | 'SURICATA_RELOAD_FAILED';

const HINTS: Readonly<Record<RefusalCode, string>> = {
  SURICATA_RULES_EMPTY: 'Give at least one rule, or remove the rule files and leave the starter rules on.',
  SURICATA_RULES_BROKEN: 'Correct the named line; "suricata -T" shows the same message.',
  SURICATA_RULES_BLIND:
    'Look for a pass rule or a suppression that covers 192.0.2.10 or 198.51.100.10, or everything, and narrow it.',
  SURICATA_RULES_SID_MISSING: 'Every rule needs exactly one sid.',
  SURICATA_RULES_SID_RESERVED: 'Give the rule a sid outside 2900000-2999999, which belong to the sensor.',
  SURICATA_RULES_SID_DUPLICATE: 'Give one of the two rules another sid, or remove it.',
  SURICATA_RULES_TOO_LARGE: 'Split or shorten the ruleset, or give the instrument more memory.',
  SURICATA_RULES_UNREADABLE: 'Rule files are regular UTF-8 text files whose names end in .rules.',
  SURICATA_RULES_DIGEST: 'Deliver the file again, then name it with its SHA-256.',
  SURICATA_RULES_TEST_FAILED: 'Look at the instrument\'s log ("bulkhead logs") for what Suricata said.',
  SURICATA_THRESHOLDS_BROKEN: 'Correct the named line of the thresholds and suppressions.',
  SURICATA_CAPTURE_UNREADABLE: 'Give a whole pcap or pcapng file of Ethernet frames.',
  SURICATA_MANAGED_OFF: 'Set the option "managedRules" of the instrument to let others manage its rules.',
  SURICATA_RELOAD_FAILED: "The rules of before go on; look at the instrument's log and try again.",
};

/** Where a refusal points to. */
export interface RefusalPlace {
  file?: string | undefined;
  line?: number | undefined;
}

/** A ruleset that is not taken: what, where (file and line), and what to do. What ran before goes on. */
export class RuleRefusal extends Error {
  readonly code: RefusalCode;
  readonly file: string | undefined;
  readonly line: number | undefined;
  readonly hint: string;
  /** Every place that was found, this one first. */
  readonly faults: readonly RulesetFault[];

  /** @param more further places; see {@link refuseAll} */
  constructor(code: RefusalCode, what: string, at: RefusalPlace = {}, more: readonly RulesetFault[] = []) {
    const place =
      at.file === undefined ? '' : `${at.file}${at.line === undefined ? '' : ` line ${String(at.line)}`}: `;
    super(`${place}${what} ${HINTS[code]}`);
    this.name = 'RuleRefusal';
    this.code = code;
    this.file = at.file;
    this.line = at.line;
    this.hint = HINTS[code];
    this.faults = [fault(code, what, at), ...more];
  }
}

/** One place for people and programs. */
export function fault(code: RefusalCode, what: string, at: RefusalPlace): RulesetFault {
  return { file: (at.file ?? '').slice(0, 128), line: at.line ?? 0, code, message: what.slice(0, 500) };
}

/** Refuses when there is a fault; the first one gives the code and the words. */
export function refuseAll(faults: readonly RulesetFault[]): void {
  const [first, ...more] = faults;
  if (first === undefined) return;
  const at = { file: first.file, line: first.line === 0 ? undefined : first.line };
  throw new RuleRefusal(first.code as RefusalCode, first.message, at, more);
}
