import {
  MAX_RULES_BYTES,
  MAX_THRESHOLDS_BYTES,
  type RulesetOrder,
  type RulesetVariables,
} from '@bulkhead/sdk';
import { readDelivered } from './resource-file.ts';
import { refuseAll } from './rule-refusal.ts';
import { thresholdFaults } from './thresholds.ts';

/** What is known of a managed ruleset beside its texts. */
export interface ManagedFacts {
  version: string;
  /** ISO 8601; when it was ordered, until it is live. */
  appliedAt: string;
  /** Name of its rules file. */
  file: string;
  variables: RulesetVariables;
}

/** A ruleset that another instrument manages; it stands in the place of the starter rules. */
export interface ManagedRuleset {
  facts: ManagedFacts;
  file: string;
  rules: string;
  thresholds: string;
}

/**
 * Reads the delivered files that an order names.
 * @throws RuleRefusal SURICATA_RULES_{UNREADABLE,TOO_LARGE,DIGEST}, SURICATA_THRESHOLDS_BROKEN, SURICATA_RULES_SID_RESERVED
 */
export async function readManaged(
  resourcesDir: string,
  order: RulesetOrder,
  now: Date,
): Promise<ManagedRuleset> {
  const rules = await readDelivered(resourcesDir, order.rules, MAX_RULES_BYTES);
  let thresholds = '';
  if (order.thresholds !== undefined) {
    thresholds = await readDelivered(resourcesDir, order.thresholds, MAX_THRESHOLDS_BYTES);
    refuseAll(thresholdFaults(thresholds, order.thresholds.file));
  }
  const { file } = order.rules;
  return {
    facts: {
      version: order.version,
      appliedAt: now.toISOString(),
      file,
      variables: order.variables ?? {},
    },
    file,
    rules,
    thresholds,
  };
}
