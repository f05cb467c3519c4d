import type { DataSubject } from './subject.ts';

/** What kind of copy of data it is; people's text groups by it. */
export const COPY_KINDS = [
  'stream',
  'event-store',
  'volume',
  'instrument-store',
  'delivery',
  'set-aside',
  'export',
  'backup',
  'log',
  'support-bundle',
  'journal',
] as const;
export type CopyKind = (typeof COPY_KINDS)[number];

/** How much there is and how old. Times are ISO 8601. What is not known is left out. */
export interface Extent {
  records?: number;
  bytes?: number;
  oldest?: string;
  newest?: string;
}

/** One copy of data on the sensor, as its source tells it. */
export interface DataCopy {
  /** Unique on the sensor: `stream/suricata`, `instrument/passive-dns/observations`. */
  copy: string;
  kind: CopyKind;
  /** What it is, in words. */
  what: string;
  /** Where it lies. */
  where: string;
  /** `platform`, or the instrument that keeps it. */
  holder: string;
  limitBytes?: number;
  /** What the platform saw for itself. */
  measured?: Extent;
  /** What the instrument says. */
  declared?: Extent;
  policy: {
    /** Nothing older than this many days should be there; absent: no limit by age. */
    days?: number;
    text: string;
  };
  /** Who may read it, each in words. Root of the sensor is added to every copy by the report. */
  readers: readonly string[];
  /** Where it goes from here, each in words. */
  goesTo: readonly string[];
  /** What the source noticed about it, in words: shown as attention. */
  faults?: readonly string[];
}

/** Records about a subject in one copy. */
export interface DataMatch {
  copy: string;
  records: number;
  oldest?: string;
  newest?: string;
  basis: 'measured' | 'declared';
  /** False when the copy was not looked through to its end. */
  complete: boolean;
  /** What limits the answer, or what a purge can do about it. */
  note?: string;
}

/** What a purge did in one copy. */
export interface DataPurged {
  copy: string;
  deleted: number;
  basis: 'measured' | 'declared';
  /** What stays, and until when. */
  note?: string;
}

/**
 * Something that knows copies of data. Sources are asked side by side and each only for so long: one that fails or is slow is
 * reported as such and hides no other.
 */
export interface DataSource {
  /** Unique on the sensor: `streams`, `instrument/passive-dns`. Kept in the record of a purge that is not finished. */
  readonly name: string;
  copies(signal: AbortSignal): Promise<readonly DataCopy[]>;
  find?(subject: DataSubject, signal: AbortSignal): Promise<readonly DataMatch[]>;
  /** Must be idempotent by `requestId`, and must spare what is held. */
  purge?(subject: DataSubject, requestId: string, signal: AbortSignal): Promise<readonly DataPurged[]>;
  /** Retention and purge spare what is held, until it is released. Idempotent; told again from time to time. */
  hold?(subject: DataSubject, hold: boolean, signal: AbortSignal): Promise<void>;
}

/** Data that left by way of the platform. */
export interface ExportRecord {
  kind: 'export' | 'backup' | 'support-bundle';
  /** What, in words: filter, kinds of event. Not the data itself. */
  what: string;
  /** Where it was put, as far as the platform knows. */
  where: string;
  /** Who asked for it. */
  by: string;
  records?: number;
  bytes?: number;
  oldest?: string;
  newest?: string;
}
