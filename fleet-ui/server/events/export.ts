import { Readable } from 'node:stream';
import type { EventPage } from '@bulkhead/fleet-api';
import { BulkheadError } from '@bulkhead/platform/kernel';

const PAGE = 200;
const BYTES_MOST = 256 * 1024 * 1024;
const TIME_MS = 10 * 60_000;
const AT_ONCE = 4;
const OF_ONE = 2;

type NextPage = (limit: number, cursor: string | undefined) => Promise<EventPage>;

/** Exports under way. Each asks for one page after the other, so that it takes turns with everybody's searches. */
export class Exports {
  readonly #running = new Map<string, number>();

  /**
   * @param next asks for the next page; rights are judged with each
   * @returns NDJSON; a last line with `cut` when there was more than may go out
   * @throws BulkheadError FLEET_EVENTS_EXPORT_BUSY, and what the first page throws
   */
  async open(person: string, most: number, next: NextPage): Promise<Readable> {
    this.#enter(person);
    try {
      const first = await next(Math.min(PAGE, most), undefined);
      const stream = Readable.from(lines(first, most, next), { objectMode: false });
      stream.once('close', () => {
        this.#leave(person);
      });
      return stream;
    } catch (error) {
      this.#leave(person);
      throw error;
    }
  }

  #enter(person: string): void {
    const own = this.#running.get(person) ?? 0;
    const all = [...this.#running.values()].reduce((sum, one) => sum + one, 0);
    if (own >= OF_ONE || all >= AT_ONCE) {
      throw new BulkheadError({
        code: 'FLEET_EVENTS_EXPORT_BUSY',
        message: `${String(all)} exports are under way, ${String(own)} of them yours.`,
      });
    }
    this.#running.set(person, own + 1);
  }

  #leave(person: string): void {
    const left = (this.#running.get(person) ?? 0) - 1;
    if (left > 0) this.#running.set(person, left);
    else this.#running.delete(person);
  }
}

async function* lines(first: EventPage, most: number, next: NextPage): AsyncGenerator<Buffer> {
  const until = performance.now() + TIME_MS;
  let [records, bytes] = [0, 0];
  for (let page = first; ; page = await next(Math.min(PAGE, most - records), page.cursor)) {
    const text = Buffer.from(page.events.map((event) => `${JSON.stringify(event)}\n`).join(''));
    records += page.events.length;
    bytes += text.length;
    if (text.length > 0) yield text;
    if (page.cursor === undefined) return;
    if (records >= most || bytes >= BYTES_MOST || performance.now() >= until) break;
  }
  yield Buffer.from(`${JSON.stringify({ cut: true, records })}\n`);
}
