export { buildCheckFrame } from './check-frame.ts';
export {
  DetectionCheck,
  type CheckState,
  type CheckStatus,
  type DetectionCheckParts,
} from './detection-check.ts';
export { explainMiss, type PathCounters } from './check-path.ts';
