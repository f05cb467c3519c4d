import type { EventMark } from '@bulkhead/fleet-api';
import { openAssets, setLabels, type AssetLabelRow } from './assets.ts';
import { openForWriting } from './database.ts';
import { IndexWords } from './facts.ts';
import { insertBatch, type Inserted } from './insert.ts';
import { changeMark, type MarkChange } from './marks.ts';
import type { IncomingMessage } from './message.ts';
import { believeClock, maintainSlice, type Keeping, type Upkeep } from './upkeep.ts';

/** What the writing thread does when asked. Every function is one short, whole step. */
export function openWriter(options: { dir: string; nativeBinding: string | undefined }) {
  const db = openForWriting(options.dir, options.nativeBinding);
  openAssets(db);
  const words = new IndexWords();
  return {
    insert: (messages: readonly IncomingMessage[]): Inserted => insertBatch(db, messages, words),
    mark: (id: number, change: MarkChange): EventMark => changeMark(db, id, change),
    labelAssets: (labels: readonly AssetLabelRow[], isAll: boolean): void => {
      setLabels(db, labels, isAll);
    },
    maintain: (keeping: Keeping, nowMs: number): Upkeep => maintainSlice(db, keeping, nowMs),
    believeClock: (nowMs: number): void => {
      believeClock(db, nowMs);
    },
    copyTo: async (file: string): Promise<void> => {
      await db.backup(file);
    },
    close: (): void => {
      db.close();
    },
  };
}
export type Writer = ReturnType<typeof openWriter>;
