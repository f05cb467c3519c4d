import type { Journal, JournalEntry } from './journal.ts';
import type { CopyKind, DataCopy, DataSource } from './types.ts';

/** Most exports that a report lists, newest first; older ones are counted. */
const MAX_LISTED = 500;

const LEFT: Readonly<Partial<Record<JournalEntry['kind'], CopyKind>>> = {
  export: 'export',
  backup: 'backup',
  'support-bundle': 'support-bundle',
};

/** The journal itself, and everything that it says has left the sensor. */
export function journalSource(journal: Journal, dir: string): DataSource {
  return {
    name: 'journal',
    copies: async () => {
      const { entries, damaged, bytes } = await journal.entries();
      const left = entries.flatMap((entry) => {
        const kind = LEFT[entry.kind];
        return kind === undefined ? [] : [{ entry, kind }];
      });
      const own: DataCopy = {
        copy: 'journal/data',
        kind: 'journal',
        what: `exports, holds and purges, with who asked and why; of whom only as a pseudonym${left.length > MAX_LISTED ? ` (${String(left.length - MAX_LISTED)} older exports are not listed here)` : ''}`,
        where: `${dir} (sealed with a key of the sensor)`,
        holder: 'platform',
        measured: {
          records: entries.length,
          bytes,
          ...(entries[0] === undefined ? {} : { oldest: entries[0].at }),
          ...(entries.at(-1) === undefined ? {} : { newest: entries.at(-1)?.at ?? '' }),
        },
        policy: { text: 'no limit by age: at most 128 MiB, then the oldest part goes' },
        readers: [],
        goesTo: [],
        ...(damaged === 0 ? {} : { faults: [`has ${String(damaged)} entries that cannot be read`] }),
      };
      return [own, ...left.slice(-MAX_LISTED).map(({ entry, kind }, index) => leftCopy(entry, kind, index))];
    },
  };
}

function leftCopy(entry: JournalEntry, kind: CopyKind, index: number): DataCopy {
  const { records, bytes, oldest, newest } = entry;
  return {
    copy: `${kind}/${entry.at}/${String(index)}`,
    kind,
    what: `${entry.what}, made ${entry.at} by ${entry.by}`,
    where: entry.where ?? 'not recorded',
    holder: entry.by,
    // As it was then: the sensor cannot see where such a copy is now.
    measured: {
      ...(records === undefined ? {} : { records }),
      ...(bytes === undefined ? {} : { bytes }),
      ...(oldest === undefined ? {} : { oldest }),
      ...(newest === undefined ? {} : { newest }),
    },
    policy: { text: 'out of reach of the sensor: whoever has it must delete it' },
    readers: ['whoever has the file'],
    goesTo: [],
  };
}
