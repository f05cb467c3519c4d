export { labConfig } from './start/lab-config.ts';
export {
  openLab,
  removeLab,
  ATTACKS,
  LAB_RULES,
  type AttackName,
  type Lab,
  type RuleSource,
} from './lab/index.ts';
export { checkCapture, openReplay, removeReplay, type Replay } from './replay/index.ts';
export { endLxd, lxdAnswers } from './start/lxd-daemon.ts';
export { runChain, type ChainParts, type ChainReport } from './start/chain.ts';
export {
  openRuleDesk,
  type DeployGlance,
  type RuleDesk,
  type SourceGlance,
  type VersionGlance,
} from './start/rule-desk.ts';
export { LAB_SOURCES } from './start/lab-config.ts';
