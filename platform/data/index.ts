export { parseSubject, subjectText, type DataSubject } from './subject.ts';
export { subjectMatcher, type SubjectMatcher } from './matcher.ts';
export { DataSources, type DataRegister } from './sources.ts';
export type { CopyKind, DataCopy, DataMatch, DataPurged, DataSource, ExportRecord, Extent } from './types.ts';
