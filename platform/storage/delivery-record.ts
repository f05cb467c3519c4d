import { readFile, rename, rm } from 'node:fs/promises';
import { z } from 'zod';
import { NameSchema, ResourceNameSchema } from '../contracts/index.ts';
import { hasCode, writeFileAtomic } from '../kernel/index.ts';

/** Who placed a file: an instrument (`download`: for the approved download of this id), or a person. */
const SenderSchema = z.union([
  z.strictObject({ instrument: NameSchema, download: z.string().max(64).optional() }),
  z.strictObject({ operator: z.string().max(64) }),
]);
export type DeliverySender = z.output<typeof SenderSchema>;

const EntrySchema = z.strictObject({
  /** Name below the receiver's `resources/`. */
  as: ResourceNameSchema,
  sender: SenderSchema,
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  bytes: z.int().min(0),
  /** When it was placed, ISO 8601. */
  at: z.iso.datetime(),
});
/** One file that was delivered to an instrument. */
export type DeliveredFile = z.output<typeof EntrySchema>;

const RecordSchema = z.strictObject({
  version: z.literal(1),
  files: z.array(EntrySchema).max(256),
  /** Begun and not finished: the file of this temporary name is to become the entry, then these go. */
  placing: z
    .strictObject({
      temporary: z.string().regex(/^[0-9a-f]{24}$/),
      entry: EntrySchema,
      remove: z.array(ResourceNameSchema).max(64),
    })
    .optional(),
});
/** What is on record about one receiver. */
export type DeliveryRecord = z.output<typeof RecordSchema>;

/** @returns an empty record when there is none; `damaged` when there was one that cannot be read: it is put aside. */
export async function readRecord(path: string): Promise<{ record: DeliveryRecord; damaged: boolean }> {
  const none: DeliveryRecord = { version: 1, files: [] };
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return { record: none, damaged: false };
    throw error;
  }
  try {
    return { record: RecordSchema.parse(JSON.parse(text)), damaged: false };
  } catch {
    // What it told of is no longer known to be what it was, so nothing of it is kept as delivered.
    await rename(path, `${path}.damaged`);
    return { record: none, damaged: true };
  }
}

/** Durable when it returns. */
export async function writeRecord(path: string, record: DeliveryRecord): Promise<void> {
  if (record.files.length === 0 && record.placing === undefined) await rm(path, { force: true });
  else await writeFileAtomic(path, `${JSON.stringify(record)}\n`, 0o600);
}

/** The same party: only it may replace or remove what it delivered. What a person placed is any person's. */
export function isSameSender(one: DeliverySender, other: DeliverySender): boolean {
  if ('operator' in one || 'operator' in other) return 'operator' in one && 'operator' in other;
  return one.instrument === other.instrument;
}

/** `rule-manager`, or `the operator (ada)`. */
export function senderText(sender: DeliverySender): string {
  return 'operator' in sender ? `the operator (${sender.operator})` : sender.instrument;
}
