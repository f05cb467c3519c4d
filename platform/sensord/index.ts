export { busModel, describeStep, fanoutOf, plan, type ActualState, type Step } from './plan.ts';
export { desiredState, digestOf, type AvailablePackage, type DesiredState } from './desired.ts';
export { Supervisor, type Standing } from './supervisor.ts';
export { Reconciler, type ReconcilerParts } from './reconciler.ts';
export { HealthPoller } from './health-poller.ts';
export { loadSensorConfig, parseSensorConfig } from './config-file.ts';
