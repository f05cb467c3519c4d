import type { Fault } from './api/results.ts';

/** What to do, by code. */
const HINTS = {
  RULES_REQUEST_INVALID: 'Look at instruments/rule-manager/src/api-types.ts for what the operation takes.',
  RULES_NOT_ALLOWED: 'Ask for the role operator or admin.',
  RULES_UNKNOWN: 'List what there is; names and ids are exact.',
  RULES_EXISTS: 'Choose another name, or change the one that is there.',
  RULES_TOO_MANY: 'Remove what is no longer needed.',
  RULES_BUSY: 'Wait until the running job has ended.',
  RULES_UNAVAILABLE: 'Look at the health of the instrument and its log.',
  RULES_SCOPE_NOT_POSSIBLE:
    'Give the scope all, group or sensor; an address can only suppress, limit or switch off.',
  RULES_EXPIRED: 'Give a time in the future, or none.',
  RULES_OPTIONS_INVALID: 'Correct the options of the instrument in the sensor configuration.',
  RULES_FILE_UNREADABLE: 'Give a regular file; the one before stays in use.',
  RULES_FILE_TOO_LARGE: 'Raise the limit of the source (at most 64 MiB), or take a smaller one.',
  RULES_FILE_TYPE: 'Give a tar archive or a text file of rules, plain or gzipped.',
  RULES_ARCHIVE_BROKEN: 'Fetch it again; the version before stays in use.',
  RULES_ARCHIVE_BOMB: 'Do not use this source unless its owner explains it; the version before stays in use.',
  RULES_FILE_FAULTY:
    'Have the named lines corrected, or set skipFaulty to take the rest; the version before stays in use.',
  RULES_FILE_EMPTY: 'Look at what the address leads to; the version before stays in use.',
  RULES_INDEX_INVALID: "Give a file in the format of suricata-update's index.yaml.",
  RULES_LINE_TOO_LONG: 'Shorten the rule to 8,000 bytes, or split it.',
  RULES_NOT_UTF8: 'Write the rule as UTF-8; other bytes as |hex| in content.',
  RULES_NOT_A_RULE: 'Write one rule per line: action protocol source port -> destination port (options;).',
  RULES_ACTION_REFUSED: 'Use alert, pass or drop: a sensor that only receives cannot reject.',
  RULES_SID_INVALID: 'Give the rule exactly one sid, a number from 1 to 2147483647.',
  RULES_SID_RESERVED: 'Use a sid outside 2900000-2999999, which belong to the sensor.',
  RULES_RULESET_EMPTY: 'Enable a source with rules; the ruleset of before goes on.',
  RULES_RULESET_SHRUNK: 'Look at the sources; if it is right, deploy with force.',
  RULES_RULESET_TOO_LARGE: 'Disable sources or rules.',
  RULES_RULESET_REFUSED: 'Correct or disable the named rules; the ruleset of before goes on.',
  RULES_CAPTURE_MISSED: 'Look at what became of these rules; the ruleset of before goes on.',
  RULES_TARGET_FAILED: 'Look at the health and log of the IDS; it is tried again.',
  RULES_NO_TARGET: 'Grant ruleset.test, ruleset.apply, ruleset.job, ruleset.status and deliver for an IDS.',
  RULES_NOT_CONFIRMED: 'Look at the health and log of the IDS; it is tried again.',
  RULES_INTERRUPTED: 'Nothing; what was wanted is deployed again.',
} as const;

/** Codes that the instrument answers with. */
export type RulesErrorCode = keyof typeof HINTS;

/** A refusal with a stable code: what, on what, and what to do. What ran before goes on. */
export class RulesError extends Error {
  readonly code: RulesErrorCode;
  readonly hint: string;
  /** JSON pointer into the request. */
  readonly at: string | undefined;
  readonly faults: readonly Fault[];

  constructor(code: RulesErrorCode, what: string, more: { at?: string; faults?: readonly Fault[] } = {}) {
    super(`${what} ${HINTS[code]}`);
    this.name = 'RulesError';
    this.code = code;
    this.hint = HINTS[code];
    this.at = more.at;
    this.faults = more.faults ?? [];
  }
}

/** What to do about a code. */
export function hintOf(code: RulesErrorCode): string {
  return HINTS[code];
}

/** Code and message of any error, as they are stored and shown. */
export function saidBy(error: unknown): { code: string; message: string } {
  const fields = (error as { fields?: { reason?: unknown } } | null)?.fields;
  const code = fields?.reason ?? (error as { code?: unknown } | null)?.code;
  return {
    code: typeof code === 'string' ? code.slice(0, 64) : 'RULES_UNAVAILABLE',
    message: (error instanceof Error ? error.message : String(error)).slice(0, 1_000),
  };
}
