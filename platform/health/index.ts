export { runDoctor } from './doctor.ts';
export {
  type Check,
  type DoctorParts,
  type Finding,
  type HealthCheck,
  type PacketPathFacts,
  type Severity,
} from './types.ts';
export { buildCheckFrame } from './check-frame.ts';
export {
  DetectionCheck,
  type CheckState,
  type CheckStatus,
  type DetectionCheckParts,
} from './detection-check.ts';
export { explainMiss, type PathCounters } from './check-path.ts';
