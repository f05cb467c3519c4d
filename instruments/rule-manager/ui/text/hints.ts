import { hintOf, type RulesErrorCode } from '../../src/errors.ts';

/** What to do about what others refuse: the IDS, the bus, the platform. The first that fits. */
const OTHERS: readonly (readonly [RegExp, string])[] = [
  [
    /_(?:RULES|THRESHOLDS|RULE)_(?:BROKEN|INVALID|SID|TEST|EMPTY)/,
    'Open each named rule, correct it or switch it off, and deploy again.',
  ],
  [/_TOO_LARGE$/, 'Switch rules or sources off, and deploy again.'],
  [
    /_RULES_BLIND$/,
    'The check that the IDS sees would no longer pass: switch off the rules that hide its packets.',
  ],
  [
    /_MANAGED_OFF$/,
    'Let the IDS take rulesets: its option for that is off in the configuration of the sensor.',
  ],
  [/^BUS_NOT_PERMITTED$/, 'Give the right: `bulkhead grants show rule-manager` says which is missing.'],
  [/^(?:BUS|SURICATA|PAGE)_/, 'Look at `bulkhead status` and the log of the IDS; it is tried again.'],
  [/^DELIVERY_/, 'Look at `bulkhead status`: the platform could not hand the file over. It is tried again.'],
];

/** What to do about a code; undefined = nobody knows more than the message says. */
export function todoOf(code: string): string | undefined {
  // Codes of others have no hint among our own.
  const own = hintOf(code as RulesErrorCode) as string | undefined;
  return own ?? OTHERS.find(([codes]) => codes.test(code))?.[1];
}
