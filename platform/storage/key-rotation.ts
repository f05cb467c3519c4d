import { readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { describeError, writeFileAtomic } from '../kernel/index.ts';
import { destroyKeyFile, syncFolder } from './key-file.ts';
import { writeSlots } from './key-slot-file.ts';
import type { SlotFile } from './key-slots.ts';
import { openSealedKey, sealedKeyBinding, sealKey } from './sealed-key.ts';

/** Sealed keys, in use or being made. */
const SEALED = /^(?:platform\.json|volume-.+\.json(?:\.making)?)$/;
/** A sealed key as it will be when the next sensor key is in force. */
const NEXT = '.next';

/** What a write left that was killed before its rename; nobody else writes here meanwhile. */
const UNFINISHED = /^\.(?:platform|volume-|slots).*\.[0-9a-f]{12}$/;

/** Names of the files that only the sensor key opens. */
export async function sealedFiles(dir: string): Promise<string[]> {
  return (await readdir(dir)).filter((name) => SEALED.test(name)).sort();
}

/**
 * Replaces the sensor key: every sealed key is sealed anew beside the old one, then the slots of the new sensor key are put
 * in force by one rename, then the new files take their names. Killed before that rename, nothing has changed; killed
 * after it, {@link finishRotation} goes on. No data is rewritten: volumes keep their keys.
 * @returns files that could not be opened with the old sensor key and were left as they are (they were lost before).
 */
export async function rotateSealedKeys(
  dir: string,
  oldKey: Buffer,
  newKey: Buffer,
  slots: SlotFile,
): Promise<{ skipped: string[] }> {
  const skipped: string[] = [];
  for (const name of await sealedFiles(dir)) {
    const text = await readFile(join(dir, name), 'utf8');
    let master: Buffer | undefined;
    try {
      const binding = sealedKeyBinding(text, name);
      ({ master } = openSealedKey(oldKey, binding, text));
      await writeFileAtomic(join(dir, `${name}${NEXT}`), sealKey(newKey, binding, master));
    } catch (error) {
      // Without the platform's key everything else is worth nothing: better no rotation than that.
      if (name === 'platform.json' || master !== undefined) throw error;
      skipped.push(`${name}: ${describeError(error)}`);
    } finally {
      master?.fill(0);
    }
  }
  await writeSlots(dir, slots);
  await finishRotation(dir, slots.sensorKey);
  return { skipped };
}

/** Gives new sealed keys their names when their sensor key is in force, and destroys those whose never was. Not while others write here. */
export async function finishRotation(dir: string, sensorKey: string): Promise<void> {
  const waiting = (await readdir(dir)).filter(
    (name) => name.endsWith(NEXT) && SEALED.test(name.slice(0, -NEXT.length)),
  );
  for (const name of waiting) {
    const path = join(dir, name);
    if (sensorKeyOf(await readFile(path, 'utf8')) === sensorKey)
      await rename(path, path.slice(0, -NEXT.length));
    else await destroyKeyFile(path);
  }
  const unfinished = (await readdir(dir)).filter((name) => UNFINISHED.test(name));
  for (const name of unfinished) await destroyKeyFile(join(dir, name));
  if (waiting.length > 0) await syncFolder(dir);
}

function sensorKeyOf(text: string): string | undefined {
  try {
    return (JSON.parse(text) as { sensorKey?: string }).sensorKey;
  } catch {
    return undefined;
  }
}
