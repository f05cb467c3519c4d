import { askAll } from './ask-all.ts';
import { judge, type Finding, type Judgement } from './judge.ts';
import type { DataCopy, DataSource } from './types.ts';

/** One copy with what is thought of it. */
export type ReportedCopy = DataCopy & Judgement;

/** Which sensor it is, and in which state. */
export interface ReportHead {
  sensor: string;
  versions: Readonly<Record<string, string>>;
  configuration: {
    digest: string;
    loadedAt: string;
    revision?: { number: number; author: string; time: string };
  };
}

/** Everything that a sensor keeps. Names operators, and what exports were asked for by; nobody whose data it is otherwise. */
export interface DataReport extends ReportHead {
  kind: 'bulkhead-data-report';
  version: 1;
  /** ISO 8601, by the sensor's clock. */
  time: string;
  /** Why the sensor's clock is not believed; then no age in here is. */
  clockDoubt?: string;
  copies: ReportedCopy[];
  /** Sources that did not answer: what they keep is not in here. */
  unanswered: { source: string; error: string }[];
  holds: number;
  unfinishedPurges: number;
  /** In words, worst first. */
  attention: string[];
}

/** Most copies that a report lists; a sensor has a few dozen. */
const MAX_COPIES = 5_000;

/** Every copy on the sensor can be read by these. */
export const ROOT_READS = 'root of the sensor';

/** Asks every source and judges what they say. */
export async function collectReport(parts: {
  head: ReportHead;
  sources: readonly DataSource[];
  now: Date;
  clockDoubt: string | undefined;
  holds: number;
  unfinishedPurges: number;
  timeoutMs: number;
}): Promise<DataReport> {
  const answers = await askAll(parts.sources, parts.timeoutMs, (source, signal) => source.copies(signal));
  const unanswered = answers.flatMap((answer) =>
    'error' in answer ? [{ source: answer.source, error: answer.error }] : [],
  );
  const copies = answers
    .flatMap((answer) => ('value' in answer ? [...answer.value] : []))
    .slice(0, MAX_COPIES)
    .map((copy) => ({ ...copy, readers: [ROOT_READS, ...copy.readers], ...judge(copy, parts.now) }))
    .sort((a, b) => (a.copy < b.copy ? -1 : 1));
  return {
    kind: 'bulkhead-data-report',
    version: 1,
    ...parts.head,
    time: parts.now.toISOString(),
    ...(parts.clockDoubt === undefined ? {} : { clockDoubt: parts.clockDoubt }),
    copies,
    unanswered,
    holds: parts.holds,
    unfinishedPurges: parts.unfinishedPurges,
    attention: attentionOf(copies, unanswered, parts.clockDoubt),
  };
}

const WORST_FIRST: readonly Finding['code'][] = ['overdue', 'disagrees', 'future', 'fault'];

function attentionOf(
  copies: readonly ReportedCopy[],
  unanswered: DataReport['unanswered'],
  clockDoubt: string | undefined,
): string[] {
  const found = WORST_FIRST.flatMap((code) =>
    copies.flatMap(({ copy, findings }) =>
      findings.filter((finding) => finding.code === code).map(({ text }) => `${copy} ${text}`),
    ),
  );
  return [
    ...(clockDoubt === undefined ? [] : [`the clock is in doubt: ${clockDoubt}`]),
    ...found,
    ...unanswered.map(({ source, error }) => `${source} did not say what it keeps: ${error}`),
  ];
}
