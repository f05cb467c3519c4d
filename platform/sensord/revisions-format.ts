import { createHash } from 'node:crypto';
import { z } from 'zod';

/** Documents are bounded where they are read; with its envelope and JSON's escapes a revision stays below this. */
export const MAX_REVISION_BYTES = 8 << 20;
const AUTHOR_CHARACTERS = 64;
const REASON_CHARACTERS = 500;

const RevisionSchema = z.strictObject({
  version: z.literal(1),
  number: z.int().min(1).max(999_999_999),
  /** The document as it was given: its comments and order are the operator's. */
  document: z.string(),
  /** SHA-256 of `document`: a flipped bit is told from a valid other document. */
  documentSha256: z.string().regex(/^[0-9a-f]{64}$/),
  /** Digest of the parsed document: equal for documents that differ only in layout. */
  digest: z.string().regex(/^[0-9a-f]{64}$/),
  author: z.string().max(AUTHOR_CHARACTERS),
  reason: z.string().max(REASON_CHARACTERS),
  time: z.iso.datetime(),
  origin: z.enum(['file', 'apply', 'rollback']),
  /** The revision in force when this one was made. */
  basedOn: z.int().min(1).optional(),
  /** With origin `rollback`: whose document this is. */
  restores: z.int().min(1).optional(),
});
/** One immutable revision of the sensor's configuration. */
export type Revision = z.output<typeof RevisionSchema>;

const ResultSchema = z.strictObject({
  state: z.enum(['applied', 'failed']),
  time: z.iso.datetime(),
  error: z.string().max(4000).optional(),
  /** With `failed`: the revision that is in force again. */
  rolledBackTo: z.int().min(1).optional(),
});
/** What became of a revision; written once. */
export type RevisionResult = z.output<typeof ResultSchema>;

const PointerSchema = z.strictObject({ version: z.literal(1), revision: z.int().min(1).max(999_999_999) });

/** SHA-256 of a document's text. */
export function textDigest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** The text as it is kept: no byte order mark, line feeds only, one at the end. */
export function normaliseDocument(text: string): string {
  return `${text
    .replace(/^\uFEFF/, '')
    .replaceAll(/\r\n?/g, '\n')
    .trimEnd()}\n`;
}

/** A person's name for the history: one line, no control characters, bounded. */
export function cleanAuthor(text: string): string {
  return oneLine(text, AUTHOR_CHARACTERS) || 'unknown';
}

/** A reason for the history: one line, no control characters, bounded. */
export function cleanReason(text: string): string {
  return oneLine(text, REASON_CHARACTERS);
}

/** @returns undefined for anything that is not exactly the revision of that number, undamaged. */
export function parseRevision(text: string, number: number): Revision | undefined {
  const revision = parsed(RevisionSchema, text);
  if (revision?.number !== number) return undefined;
  return textDigest(revision.document) === revision.documentSha256 ? Object.freeze(revision) : undefined;
}

export function parseResult(text: string): RevisionResult | undefined {
  return parsed(ResultSchema, text);
}

export function parsePointer(text: string): number | undefined {
  return parsed(PointerSchema, text)?.revision;
}

function parsed<T extends z.ZodType>(schema: T, text: string): z.output<T> | undefined {
  try {
    const result = schema.safeParse(JSON.parse(text));
    return result.success ? result.data : undefined;
  } catch {
    return undefined;
  }
}

function oneLine(text: string, characters: number): string {
  // Control and format characters (line breaks, terminal escapes, text direction) would let a name forge other lines.
  const clean = text
    .replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]+/gu, ' ')
    .replaceAll(/ +/g, ' ')
    .trim();
  return [...clean]
    .slice(0, characters / 2)
    .join('')
    .trim();
}
