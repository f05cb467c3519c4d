export { dataFeature } from './feature.ts';
export type { DataParts } from './parts.ts';
export { DATA_MIGRATIONS } from './report-book.ts';
export type { FleetStores } from './rows.ts';
export { verifyFleetReport, type VerifiedFleetReport } from './verify.ts';
