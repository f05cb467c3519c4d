import { hintOf, type RulesErrorCode } from '../errors.ts';
import { isOwnSid } from './reserved.ts';

/** One rule, taken apart as far as it is searched and shown. */
export interface ParsedRule {
  /** On one line, without the comment sign. */
  text: string;
  /** False: it stood behind a `#`. */
  enabled: boolean;
  action: string;
  sid: number;
  gid: number;
  rev: number;
  msg: string;
  classtype: string | undefined;
  priority: number | undefined;
  references: string[];
  metadata: string[];
  /** Texts of the `content` and `pcre` options, for the search. */
  content: string;
}

export interface RuleTextFault {
  code: RulesErrorCode;
  message: string;
}

/** Suricata cuts a longer line into pieces (DETECT_MAX_RULE_SIZE, 8192) and reads each as a rule. */
export const MAX_RULE_BYTES = 8_000;

const ACTIONS = 'alert|pass|drop|config|reject|rejectsrc|rejectdst|rejectboth';
const IS_ACTION = new RegExp(`^(?:${ACTIONS})$`);
const STARTS = new RegExp(`^#+[ \\t]*(?:${ACTIONS})[ \\t]+[^\\s();]+[ \\t]`);
const CONTROL = /[^\P{Cc}\t]/u;
const MOST_SEARCHED = 4_000;

/** Whether a comment looks like a rule that was switched off. */
export function isDisabledRule(line: string): boolean {
  return STARTS.test(line) && line.includes('(') && /\bsid[ \t]*:/.test(line);
}

/**
 * Takes one rule apart. Options end at a semicolon without a backslash before it, quotes or not, as Suricata 7 reads them
 * (`SigParseOptions`).
 * @param line without comment sign, continuation lines joined
 */
export function parseRule(line: string, enabled = true): ParsedRule | RuleTextFault {
  const text = line.trim();
  if (Buffer.byteLength(text) > MAX_RULE_BYTES) return fault('RULES_LINE_TOO_LONG', 'The rule is too long.');
  if (CONTROL.test(text)) return fault('RULES_NOT_A_RULE', 'The rule holds control characters.');
  const open = text.indexOf('(');
  const action = actionOf(text.slice(0, Math.max(0, open)));
  if (action === undefined || !text.endsWith(')')) {
    return fault('RULES_NOT_A_RULE', 'This is not a rule.');
  }
  if (action.startsWith('reject')) return fault('RULES_ACTION_REFUSED', `The action is ${action}.`);
  const options = optionsOf(text.slice(open + 1, -1));
  const sids = options.filter(([name]) => name === 'sid').map(([, value]) => value);
  const sid = /^\d{1,10}$/.test(sids[0] ?? '') ? Number(sids[0]) : 0;
  if (sids.length !== 1 || sid < 1 || sid > 2_147_483_647) {
    return fault('RULES_SID_INVALID', 'The rule has no sid, or more than one, or one that is no number.');
  }
  if (isOwnSid(sid)) return fault('RULES_SID_RESERVED', `The sid ${String(sid)} belongs to the sensor.`);
  const first = (wanted: string): string | undefined => options.find(([name]) => name === wanted)?.[1];
  const all = (...wanted: string[]): string[] =>
    options.filter(([name]) => wanted.includes(name)).map(([, value]) => value);
  const classtype = first('classtype');
  return {
    text,
    enabled,
    action,
    sid,
    gid: numberOf(first('gid'), 1),
    rev: numberOf(first('rev'), 0),
    msg: unquoted(first('msg') ?? '').slice(0, 500),
    classtype: classtype?.slice(0, 64),
    priority: first('priority') === undefined ? priorityOf(classtype) : numberOf(first('priority'), 3),
    references: all('reference').map((value) => value.slice(0, 500)),
    metadata: all('metadata')
      .flatMap((value) => value.split(','))
      .map((value) => value.trim().slice(0, 200))
      .filter((value) => value !== ''),
    content: all('content', 'pcre', 'uricontent').map(unquoted).join(' ').slice(0, MOST_SEARCHED),
  };
}

export function isFault(parsed: ParsedRule | RuleTextFault): parsed is RuleTextFault {
  return 'code' in parsed;
}

/** The action of a header `action protocol source port -> destination port`; undefined = it is none. */
function actionOf(header: string): string | undefined {
  const parts = header.trim().split(/[ \t]+/);
  const arrow = parts.findIndex((part) => part === '->' || part === '<>');
  const [action = ''] = parts;
  const whole = arrow >= 4 && parts.length - arrow >= 3 && !header.includes(';');
  return whole && IS_ACTION.test(action) ? action : undefined;
}

function fault(code: RulesErrorCode, what: string): RuleTextFault {
  return { code, message: `${what} ${hintOf(code)}` };
}

function optionsOf(text: string): [name: string, value: string][] {
  return text
    .split(/(?<!\\);/)
    .map((option) => option.trim())
    .filter((option) => option !== '')
    .map((option) => {
      const colon = option.indexOf(':');
      if (colon === -1) return [option.toLowerCase(), ''];
      return [option.slice(0, colon).trim().toLowerCase(), option.slice(colon + 1).trim()];
    });
}

function unquoted(value: string): string {
  return value.replace(/^!?[ \t]*"(.*)"$/s, '$1').replaceAll(/\\([";\\])/g, '$1');
}

function numberOf(value: string | undefined, otherwise: number): number {
  return value !== undefined && /^\d{1,10}$/.test(value) ? Number(value) : otherwise;
}

/** Priorities of the classification.config that comes with Suricata; others have 3. */
const HIGH =
  /^(?:attempted-(?:admin|user)|inappropriate-content|policy-violation|shellcode-detect|successful-(?:admin|user)|trojan-activity|unsuccessful-user|web-application-attack|command-and-control|exploit-kit|targeted-activity|domain-c2|credential-theft)$/;
const MIDDLE =
  /^(?:attempted-(?:dos|recon)|bad-unknown|default-login-attempt|denial-of-service|misc-attack|non-standard-protocol|rpc-portmap-decode|successful-(?:dos|recon-largescale|recon-limited)|suspicious-(?:filename-detect|login)|system-call-detect|unusual-client-port-connection|web-application-activity|coin-mining|external-ip-check|pup-activity|social-engineering)$/;

function priorityOf(classtype: string | undefined): number | undefined {
  if (classtype === undefined) return undefined;
  if (HIGH.test(classtype)) return 1;
  return MIDDLE.test(classtype) ? 2 : 3;
}
