import { setImmediate as breathe } from 'node:timers/promises';
import { z } from 'zod';
import { GrantsSchema, NameSchema, type GrantOrigin, type Grants } from '../../contracts/index.ts';
import { documentValue } from '../config-file.ts';
import { digestOf } from '../desired.ts';
import type { RevisionRecord } from '../revisions.ts';
import { rightsIn } from './grant-sets.ts';
import { formatRight } from './right-text.ts';

/** What matters here of a document; the rest may be of another version. */
const DocumentSchema = z.object({
  instruments: z
    .array(z.object({ name: NameSchema, package: NameSchema, grants: GrantsSchema.prefault({}) }))
    .default([]),
});

/** Of one instrument: each right with the revision since which it stands without interruption. */
type Since = ReadonlyMap<string, GrantOrigin>;

/**
 * Who gave what and when, from the revisions of the configuration: the oldest one since which a grant stands without
 * interruption. Each revision is read once, when somebody asks for the first time after it was applied.
 *
 * INVARIANTS: `advance` runs one at a time and takes revisions in their order; a revision that was not applied does not count.
 */
export class GrantHistory {
  readonly #revisions: () => readonly RevisionRecord[];
  #instruments = new Map<string, Since>();
  #upTo = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(revisions: () => readonly RevisionRecord[]) {
    this.#revisions = revisions;
  }

  /** Takes in what was applied since. Lets others work between two revisions: there may be hundreds. */
  advance(): Promise<void> {
    const turn = this.#last.then(async () => {
      for (const { revision, result } of this.#revisions()) {
        if (revision.number <= this.#upTo || result?.state !== 'applied') continue;
        const { number, author, time, reason } = revision;
        this.#take(revision.document, { revision: number, author, time, reason });
        this.#upTo = number;
        await breathe();
      }
    });
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  /** Since when an instrument of this package has a right; its text as in `formatRight`. Call `advance` before. */
  since(instrument: string, packageName: string, right: string): GrantOrigin | undefined {
    return this.#instruments.get(keyOf(instrument, packageName))?.get(right);
  }

  #take(document: string, origin: GrantOrigin): void {
    const instruments = readGrants(document);
    if (instruments === undefined) return; // written by another version: it says nothing, so it interrupts nothing
    const next = new Map<string, Since>();
    for (const { name, package: packageName, grants } of instruments) {
      const key = keyOf(name, packageName);
      const before = this.#instruments.get(key);
      const since = new Map<string, GrantOrigin>();
      for (const [right, identity] of rightKeys(grants)) {
        const known = before?.get(identity);
        since.set(identity, known ?? origin);
        since.set(right, known ?? origin);
      }
      next.set(key, since);
    }
    this.#instruments = next;
  }
}

/** A download with other bounds is another grant, although it has the same name. */
function rightKeys(grants: Grants): [right: string, identity: string][] {
  return rightsIn(grants).map((right) => {
    const text = formatRight(right);
    const download =
      right.kind === 'download' ? grants.downloads.find(({ name }) => name === right.name) : undefined;
    return [text, download === undefined ? text : `${text} ${digestOf(download)}`];
  });
}

function readGrants(document: string): z.output<typeof DocumentSchema>['instruments'] | undefined {
  try {
    return DocumentSchema.parse(documentValue(document, 'a revision')).instruments;
  } catch {
    return undefined;
  }
}

function keyOf(instrument: string, packageName: string): string {
  return `${instrument} ${packageName}`;
}
