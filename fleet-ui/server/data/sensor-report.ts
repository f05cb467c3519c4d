import type { DataStore } from '@bulkhead/fleet-api';
import { canonicalJson, signatureFits } from '@bulkhead/platform/kernel';
import { z } from 'zod';
import { REPORT_BYTES_MOST } from './report-book.ts';

/** What a page lists of one sensor. */
const COPIES_MOST = 500;
const WORDS_MOST = 400;

const words = z
  .string()
  .transform((text) => (text.length > WORDS_MOST ? `${text.slice(0, WORDS_MOST)}…` : text));
const manyWords = z.array(words).transform((list) => list.slice(0, 32));
const amount = z.number().nonnegative();
const time = z.iso.datetime({ offset: true });
const extent = z.object({
  records: amount.optional(),
  bytes: amount.optional(),
  oldest: time.optional().catch(undefined),
});

/** What is read out of a sensor's report. A sensor may be of the version before or after: the rest stays unread, and is kept. */
const ReportSchema = z.object({
  kind: z.literal('bulkhead-data-report'),
  clockDoubt: words.optional(),
  copies: z
    .array(
      z.object({
        copy: words,
        kind: words,
        what: words,
        holder: words,
        limitBytes: amount.optional(),
        measured: extent.optional(),
        declared: extent.optional(),
        policy: z.object({ text: words }),
        readers: manyWords,
        goesTo: manyWords,
        faults: manyWords.optional(),
      }),
    )
    .max(5_000),
  unanswered: z.array(z.object({ source: words, error: words })).max(1_000),
  attention: manyWords,
});

const SignedSchema = z.object({
  algorithm: z.literal('Ed25519'),
  publicKey: z.string().regex(/^[A-Za-z0-9+/]{43}=$/),
  report: z.unknown(),
  signature: z.string().regex(/^[A-Za-z0-9+/]{86}==$/),
});

/** A report that is whole. */
export interface SensorReport {
  /** Canonical JSON of the signed report: as `bulkhead data verify` takes it. */
  text: string;
  key: string;
  view: ReportView;
}

/** What of a report is listed. */
export interface ReportView {
  stores: Omit<DataStore, 'sensor' | 'sensorName'>[];
  attention: string[];
  clockDoubt: string | undefined;
}

/** Reads what a sensor answered. @returns in words why it cannot be used, or the report */
export function readSensorReport(json: unknown): SensorReport | string {
  const signed = SignedSchema.safeParse(json);
  if (!signed.success) return 'what it answered is no signed data report';
  const { algorithm, publicKey, report, signature } = signed.data;
  if (!signatureFits({ publicKey, report, signature }))
    return 'the signature of its data report does not fit';
  const view = viewOf(report);
  if (view === undefined) return 'its data report is of a version that this fleet does not read';
  const text = canonicalJson({ algorithm, publicKey, report, signature });
  // What is kept is longer than what came: `1e20` is written out.
  if (Buffer.byteLength(text) > REPORT_BYTES_MOST) return 'its data report is too large to be kept';
  return { text, key: publicKey, view };
}

/** Of a report that was kept. */
export function viewOfText(text: string): ReportView | undefined {
  return viewOf((JSON.parse(text) as { report?: unknown }).report);
}

function viewOf(report: unknown): ReportView | undefined {
  const parsed = ReportSchema.safeParse(report);
  if (!parsed.success) return undefined;
  const { copies, attention, clockDoubt, unanswered } = parsed.data;
  return {
    stores: copies
      .slice(0, COPIES_MOST)
      .map(({ measured, declared, policy, faults = [], limitBytes, ...copy }) => {
        const { records, bytes, oldest } = measured ?? declared ?? {};
        return {
          ...copy,
          policy: policy.text,
          faults,
          ...(limitBytes === undefined ? {} : { limitBytes }),
          ...(records === undefined ? {} : { records }),
          ...(bytes === undefined ? {} : { bytes }),
          ...(oldest === undefined
            ? {}
            : { oldest, basis: measured === undefined ? 'declared' : 'measured' }),
        };
      }),
    attention: [
      ...attention,
      ...unanswered.map(({ source, error }) => `${source} did not say what it keeps: ${error}`),
    ].slice(0, 32),
    clockDoubt,
  };
}
