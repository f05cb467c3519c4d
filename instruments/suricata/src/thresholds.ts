import { MAX_FAULTS, type RulesetFault } from '@bulkhead/sdk';
import { RESERVED_SIDS } from './reserved.ts';
import { fault } from './rule-refusal.ts';

const MAX_LINE_BYTES = 64 * 1024;
const HEAD =
  /^(suppress|threshold|event_filter|rate_filter)\s+gen_id\s*(\d{1,10})\s*,\s*sig_id\s*(\d{1,10})\s*(.*)$/;
const TAILS: Readonly<Record<string, RegExp>> = {
  suppress: /^$|^,\s*track\s*(?:by_src|by_dst|by_either)\s*,\s*ip\s+[^\s].*$/,
  threshold:
    /^,\s*type\s*(?:limit|both|threshold)\s*,\s*track\s*(?:by_src|by_dst|by_both|by_rule)\s*,\s*count\s*\d{1,10}\s*,\s*seconds\s*\d{1,10}$/,
  rate_filter:
    /^,\s*track\s*(?:by_src|by_dst|by_both|by_rule)\s*,\s*count\s*\d{1,10}\s*,\s*seconds\s*\d{1,10}\s*,\s*new_action\s*[a-z]{2,8}\s*,\s*timeout\s*\d{1,10}$/,
};

/**
 * Checks thresholds and suppressions (Suricata's `threshold.config`) line by line, since Suricata tells neither the line nor
 * what a line takes away: those that concern the detection check, or every rule at once, are refused. A suppression of every
 * rule for some addresses is allowed; the test of the ruleset then shows whether the check still comes through.
 */
export function thresholdFaults(text: string, file: string): RulesetFault[] {
  const faults: RulesetFault[] = [];
  text.split('\n').forEach((raw, index) => {
    if (faults.length >= MAX_FAULTS) return;
    const add = (code: 'SURICATA_THRESHOLDS_BROKEN' | 'SURICATA_RULES_SID_RESERVED', what: string): void => {
      faults.push(fault(code, what, { file, line: index + 1 }));
    };
    if (Buffer.byteLength(raw) > MAX_LINE_BYTES) {
      add('SURICATA_THRESHOLDS_BROKEN', `This line is longer than ${String(MAX_LINE_BYTES)} bytes.`);
      return;
    }
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) return;
    const [, kind = '', , sid = '', tail = ''] = HEAD.exec(line) ?? [];
    const wanted = TAILS[kind === 'event_filter' ? 'threshold' : kind];
    if (wanted?.test(tail.trim()) !== true || line.endsWith('\\')) {
      add(
        'SURICATA_THRESHOLDS_BROKEN',
        'This line is none of suppress, threshold, event_filter and rate_filter, on one line.',
      );
    } else if (Number(sid) >= RESERVED_SIDS.first && Number(sid) <= RESERVED_SIDS.last) {
      add('SURICATA_RULES_SID_RESERVED', `The sid ${sid} belongs to the detection check.`);
    } else if (Number(sid) === 0 && (kind !== 'suppress' || tail.trim() === '')) {
      add('SURICATA_THRESHOLDS_BROKEN', 'This line concerns every rule at once; name a sid.');
    }
  });
  return faults;
}
