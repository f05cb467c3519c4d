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
export { Redactor, type Redactions, type RedactOptions } from './support/redact.ts';
export {
  makeSupportBundle,
  SUPPORT_LIMITS,
  type SupportFile,
  type SupportManifest,
  type SupportSource,
} from './support/bundle.ts';
export { blindness } from './readiness.ts';
export { MAX_COUNTERS, metricsText, plainCounters, type MetricsFacts } from './metrics-text.ts';
export {
  openMetricsServer,
  readTokenFile,
  type MetricsAnswers,
  type MetricsPlace,
} from './metrics-server.ts';
export { explainMiss, type PathCounters } from './check-path.ts';
export { FeedCheck, type FeedCheckParts } from './feed-check.ts';
export { FeedBaselineSchema, type FeedBaseline } from './feed-baseline.ts';
export { FeedReplySchema, type FeedObservation, type FeedReport } from './feed-observation.ts';
