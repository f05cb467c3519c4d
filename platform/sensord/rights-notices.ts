import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { backoffMs, describeError, hasCode, type Logger } from '../kernel/index.ts';
import type { ToldRights } from './instrument-files.ts';
import { cleanReason } from './revisions-format.ts';

/** How far an instrument has taken up rights that changed while it runs. The bus enforces them whatever it says. */
export type RightsEffect =
  | { state: 'taken' }
  /** At its next start; the reason in words. */
  | { state: 'restart'; reason: string }
  /** It has not answered yet, and is told again. */
  | { state: 'waiting' };

/** What telling takes. */
export interface RightsNoticesParts {
  log: Logger;
  bus: {
    request: (name: string, command: string, payload: ToldRights, timeoutMs: number) => Promise<unknown>;
  };
}

const AnswerSchema = z.union([
  z.object({ ok: z.literal(true), restart: z.boolean().default(false), detail: z.string().optional() }),
  z.object({ ok: z.literal(false), code: z.string(), message: z.string() }),
]);
/** An instrument that is busy may take this long to say that it takes them up. */
const TIMEOUT_MS = 5_000;
const AGAIN = { firstMs: 100, maxMs: 5_000, holdAfter: Number.POSITIVE_INFINITY, healthyAfterMs: 60_000 };
/** An instrument that is just starting is not connected yet; one that says nothing for so long is not told any more. */
const TRIES = 20;

/**
 * Tells running instruments of changed rights, in the background: nobody waits for an instrument that does not answer.
 *
 * INVARIANTS: at most one notice per instrument is under way; a newer one replaces it; `tell` never throws. `stop` ends all.
 */
export class RightsNotices {
  readonly #parts: RightsNoticesParts;
  readonly #notices = new Map<string, { effect: RightsEffect; ended: Promise<void>; end: AbortController }>();

  constructor(parts: RightsNoticesParts) {
    this.#parts = parts;
  }

  tell(instrument: string, rights: ToldRights): void {
    this.forget(instrument);
    const end = new AbortController();
    const notice = { effect: { state: 'waiting' } as RightsEffect, ended: Promise.resolve(), end };
    this.#notices.set(instrument, notice);
    notice.ended = this.#run(instrument, rights, end.signal, (effect) => {
      notice.effect = effect;
    });
  }

  /** It was started or stopped: it reads its rights when it starts. */
  forget(instrument: string): void {
    this.#notices.get(instrument)?.end.abort();
    this.#notices.delete(instrument);
  }

  stop(): void {
    for (const name of [...this.#notices.keys()]) this.forget(name);
  }

  /** What the last notice came to, after waiting for it at most this long. Undefined: there was none since its start. */
  async effect(instrument: string, waitMs: number): Promise<RightsEffect | undefined> {
    const notice = this.#notices.get(instrument);
    if (notice === undefined) return undefined;
    const late = new AbortController();
    await Promise.race([
      notice.ended,
      sleep(waitMs, undefined, { signal: late.signal }).catch(() => undefined),
    ]);
    late.abort();
    return notice.effect;
  }

  async #run(
    instrument: string,
    rights: ToldRights,
    signal: AbortSignal,
    set: (effect: RightsEffect) => void,
  ): Promise<void> {
    for (let tries = 1; !signal.aborted && tries <= TRIES; tries += 1) {
      try {
        const effect = effectOf(
          AnswerSchema.parse(await this.#parts.bus.request(instrument, 'rights', rights, TIMEOUT_MS)),
        );
        if (effect !== undefined) {
          set(effect);
          return;
        }
      } catch (error) {
        if (hasCode(error, 'BUS_REPLY_INVALID') || error instanceof z.ZodError) {
          set({ state: 'restart', reason: 'its answer was not understood' });
          return;
        }
        this.#parts.log.debug({ err: error, instrument }, `not told of its rights: ${describeError(error)}`);
      }
      await sleep(backoffMs(AGAIN, tries), undefined, { signal, ref: false }).catch(() => undefined);
    }
    if (!signal.aborted) set({ state: 'restart', reason: 'it does not answer' });
  }
}

/** Undefined: it is to be told again. */
function effectOf(answer: z.output<typeof AnswerSchema>): RightsEffect | undefined {
  if (answer.ok) {
    if (!answer.restart) return { state: 'taken' };
    return { state: 'restart', reason: cleanReason(answer.detail ?? 'it says so') };
  }
  if (answer.code === 'BUS_BUSY') return undefined;
  const unknown = answer.code === 'BUS_UNKNOWN_COMMAND';
  const reason = unknown ? 'it learns of rights only when it starts' : answer.message;
  return { state: 'restart', reason: cleanReason(reason) };
}
