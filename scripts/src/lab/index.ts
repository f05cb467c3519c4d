export { openLab, removeLab, type Lab, type LabStats, type RuleSource } from './lab.ts';
export { LAB_RULES, RULE_EDITIONS, type RuleEdition } from './rule-editions.ts';
export { ATTACKS, type AttackKind, type AttackName, type AttackOrigin } from './attack-kinds.ts';
export { ADDRESSES, HOSTS, labLayout, PORTS, type LabHost, type LabLayout } from './layout.ts';
export type { SpanCounters } from './network.ts';
