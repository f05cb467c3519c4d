import { join } from 'node:path';
import { describeError, writeFileAtomic } from '@bulkhead/platform/kernel';
import { BACKUP_NOTE_FILE, type BackupNote } from '../settings/index.ts';
import { giveBack } from './state-dir.ts';

/**
 * Notes in the state folder that there is a backup, for the fleet's settings page. The backup counts without the note too.
 * @returns why it could not be noted
 */
export async function noteBackup(stateDir: string, note: BackupNote): Promise<string | undefined> {
  try {
    await writeFileAtomic(join(stateDir, BACKUP_NOTE_FILE), `${JSON.stringify(note)}\n`, 0o600);
    await giveBack(stateDir);
    return undefined;
  } catch (error) {
    return describeError(error);
  }
}
