import { z } from 'zod';
import { BulkheadError } from '../kernel/index.ts';
import type { SealedFile } from './sealed-file.ts';
import { subjectText, type DataSubject } from './subject.ts';

const SubjectSchema = z.union([
  z.strictObject({ address: z.string().max(45) }),
  z.strictObject({ name: z.string().max(255) }),
]);

/** A subject whose data must stay. */
export const HoldSchema = z.strictObject({
  subject: SubjectSchema,
  reason: z.string().max(500),
  by: z.string().max(200),
  /** ISO 8601. */
  at: z.string().max(40),
});
export type Hold = z.output<typeof HoldSchema>;
export const HoldsSchema = z.array(HoldSchema).max(10_000);

const MAX_HOLDS = 10_000;

/**
 * What is held, on disk before anybody is told.
 *
 * INVARIANTS: `open` first; `add` and `remove` one at a time (the keeper's queue sees to it).
 */
export class Holds {
  readonly #file: SealedFile<typeof HoldsSchema>;
  #holds: Hold[] = [];

  constructor(file: SealedFile<typeof HoldsSchema>) {
    this.#file = file;
  }

  /** @throws BulkheadError DATA_STATE_DAMAGED */
  async open(): Promise<void> {
    this.#holds = (await this.#file.load()) ?? [];
  }

  all(): readonly Hold[] {
    return this.#holds;
  }

  of(subject: DataSubject): Hold | undefined {
    return this.#holds.find((hold) => subjectText(hold.subject) === subjectText(subject));
  }

  /** Holding again keeps the first reason. @throws BulkheadError DATA_TOO_MANY_HOLDS */
  async add(hold: Hold): Promise<void> {
    if (this.of(hold.subject) !== undefined) return;
    if (this.#holds.length >= MAX_HOLDS) {
      throw new BulkheadError({
        code: 'DATA_TOO_MANY_HOLDS',
        message: `${String(MAX_HOLDS)} addresses and names are held already.`,
        hint: 'Release some: `bulkhead data holds` lists them.',
      });
    }
    await this.#save([...this.#holds, hold]);
  }

  /** @throws BulkheadError DATA_HOLD_UNKNOWN */
  async remove(subject: DataSubject): Promise<void> {
    const hold = this.of(subject);
    if (hold === undefined) {
      throw new BulkheadError({
        code: 'DATA_HOLD_UNKNOWN',
        message: `${subjectText(subject)} is not held.`,
        hint: '`bulkhead data holds` lists what is.',
      });
    }
    await this.#save(this.#holds.filter((one) => one !== hold));
  }

  async #save(holds: Hold[]): Promise<void> {
    await this.#file.save(holds);
    this.#holds = holds;
  }
}
