import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BulkheadError, hasCode, writeFileAtomic } from '../kernel/index.ts';
import { SlotFileSchema, type SlotFile } from './key-slots.ts';

/** Holds the slots; its rename is the moment at which another sensor key is in force. */
export const SLOTS_FILE = 'slots.json';
/** A second copy: one bad sector must not cost every volume. */
const COPY_FILE = 'slots.copy.json';

/**
 * Reads the slots; the copy when the file itself is damaged.
 * @returns undefined when there are none: then the key file is the sensor key itself.
 * @throws BulkheadError STORAGE_SLOTS_DAMAGED when neither can be read.
 */
export async function readSlots(dir: string): Promise<SlotFile | undefined> {
  const texts = await Promise.all([SLOTS_FILE, COPY_FILE].map((name) => read(join(dir, name))));
  for (const text of texts) {
    const slots = text === undefined ? undefined : parseSlots(text);
    if (slots !== undefined) return slots;
  }
  if (texts.every((text) => text === undefined)) return undefined;
  throw new BulkheadError({
    code: 'STORAGE_SLOTS_DAMAGED',
    message: `${join(dir, SLOTS_FILE)} is damaged, and so is its copy.`,
    hint: 'Restore it from a backup of the keys folder. Without it no passphrase and no key file opens the sensor.',
    fields: { path: join(dir, SLOTS_FILE) },
  });
}

/** Puts the slots in force, atomically, and renews the copy. */
export async function writeSlots(dir: string, slots: SlotFile): Promise<void> {
  const text = `${JSON.stringify(slots)}\n`;
  await writeFileAtomic(join(dir, SLOTS_FILE), text);
  await writeFileAtomic(join(dir, COPY_FILE), text);
}

function parseSlots(text: string): SlotFile | undefined {
  try {
    const result = SlotFileSchema.safeParse(JSON.parse(text));
    return result.success ? result.data : undefined;
  } catch {
    return undefined;
  }
}

async function read(path: string): Promise<string | undefined> {
  try {
    const text = await readFile(path, 'utf8');
    return text.length > 1 << 20 ? '' : text;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}
