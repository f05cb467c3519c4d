import { z } from 'zod';
import { DownloadAskSchema, type PlatformEventType } from '../../contracts/index.ts';
import { parseStrict } from '../../kernel/index.ts';
import type { DesiredState } from '../desired.ts';
import { cleanReason } from '../revisions-format.ts';
import { receiver } from '../deliveries/target.ts';
import { isApproved, type WantedDownloads } from './wanted.ts';

const AskSchema = z.strictObject({ ...DownloadAskSchema.shape, why: z.string().max(300).default('') });
const WithdrawSchema = z.strictObject({ name: DownloadAskSchema.shape.name, withdraw: z.literal(true) });

/** One event of a kind in this time for each download; an instrument could ask for another file every moment. */
const EVENT_EVERY_MS = 60_000;

/** Answers `download.request`. */
export class DownloadRequests {
  readonly #wanted: WantedDownloads;
  readonly #desired: () => DesiredState;
  readonly #publish: (type: PlatformEventType, record: Record<string, unknown>) => void;
  readonly #told = new Map<string, number>();

  constructor(
    wanted: WantedDownloads,
    desired: () => DesiredState,
    publish: (type: PlatformEventType, record: Record<string, unknown>) => void,
  ) {
    this.#wanted = wanted;
    this.#desired = desired;
    this.#publish = publish;
  }

  /**
   * @param from who asks; the bus guarantees it.
   * @throws BulkheadError SENSORD_REQUEST_INVALID, SENSORD_DOWNLOAD_LIMIT
   */
  async answer(
    from: string,
    payload: unknown,
  ): Promise<{ state: 'approved' | 'waiting' | 'refused' | 'withdrawn' }> {
    const code = 'SENSORD_REQUEST_INVALID';
    if (typeof payload === 'object' && payload !== null && 'withdraw' in payload) {
      const { name } = parseStrict(WithdrawSchema, payload, code, 'The request');
      await this.#wanted.withdraw(from, name);
      return { state: 'withdrawn' };
    }
    const { why, ...ask } = parseStrict(AskSchema, payload, code, 'The request');
    const asker = receiver(this.#desired(), from);
    const isNew = await this.#wanted.request(asker, ask, cleanReason(why));
    if (isApproved(asker.rights, ask)) return { state: 'approved' };
    if (this.#wanted.find(from, ask.name)?.refused !== undefined) return { state: 'refused' };
    if (isNew) this.#tell(from, ask);
    return { state: 'waiting' };
  }

  #tell(instrument: string, { name, url, as }: { name: string; url: string; as: string }): void {
    const key = `${instrument}/${name}`;
    const now = performance.now();
    if (now - (this.#told.get(key) ?? -Infinity) < EVENT_EVERY_MS) return;
    // Bounded: names are short-lived only when an instrument plays with them.
    if (this.#told.size > 1_000) this.#told.clear();
    this.#told.set(key, now);
    this.#publish('download.requested', { instrument, name, url, as });
  }
}
