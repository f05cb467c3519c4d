import type { PlatformEventType } from '../../contracts/index.ts';
import { BulkheadError, sitePaths, type Logger, type Site } from '../../kernel/index.ts';
import { KeyedQueue, type DeliverySender } from '../../storage/index.ts';
import type { DesiredState } from '../desired.ts';
import { PROGRAM_UID } from '../instrument-files.ts';
import { cleanAuthor } from '../revisions-format.ts';
import type { BusRoom, RuntimeRoom, StorageRoom } from '../rooms.ts';
import { announce, type ChangeReply } from './announce.ts';
import { configuredFiles, placedFile, type PlacedFile } from './placed-files.ts';
import { allowedDelivery, receiver } from './target.ts';

/** What the service joins. */
export interface DeliveryServiceParts {
  site: Site;
  log: Logger;
  storage: Pick<StorageRoom, 'deliveries'>;
  bus: Pick<BusRoom, 'request'>;
  runtime: Pick<RuntimeRoom, 'list'>;
  desired: () => DesiredState;
  publish: (type: PlatformEventType, record: Record<string, unknown>) => void;
}

/** What the sender of a file is told. */
export interface DeliveryReply {
  as: string;
  bytes: number;
  sha256: string;
  /** False: exactly this was there already. */
  changed: boolean;
  /** What the receiver said; absent when it does not run or was not to be told. */
  announced?: ChangeReply;
}

/** A file that a person brings. */
export interface ImportRequest {
  to: string;
  as: string;
  author: string;
  sha256?: string | undefined;
  bytes?: number | undefined;
  maxBytes: number;
}

/** One refusal of a kind in this time becomes an event; more would let an instrument flood the store. */
const REFUSALS_EVERY_MS = 60_000;

/**
 * Places files for instruments and for people, and tells the receivers.
 *
 * INVARIANTS: one delivery at a time for each receiver, its announcement included. Rights are judged when a delivery is asked for,
 * by what is in force then.
 */
export class DeliveryService {
  readonly #parts: DeliveryServiceParts;
  readonly #turns = new KeyedQueue();
  readonly #refusals = new Map<string, number>();

  constructor(parts: DeliveryServiceParts) {
    this.#parts = parts;
  }

  /**
   * Hands a file on. @param from who asks; the bus guarantees it.
   * @throws BulkheadError SENSORD_REQUEST_INVALID, SENSORD_DELIVERY_*, SENSORD_INSTRUMENT_UNKNOWN, STORAGE_DELIVERY_*,
   *         STORAGE_FILE_REFUSED, STORAGE_HOST_FULL
   */
  async deliver(from: string, payload: unknown): Promise<DeliveryReply> {
    const asked = this.#judged(from, payload);
    const { to, as, sha256, bytes, maxBytes, download } = asked;
    return this.#told({ from, to, as, sha256, bytes }, () =>
      this.#turns.run(to, async () => {
        const { target, running } = await this.#place(to, as);
        const { changed } = await this.#parts.storage.deliveries.deliver(
          { instrument: from, download },
          { sha256, bytes, maxBytes },
          { ...target, remove: asked.remove },
        );
        return { as, bytes, sha256, changed, ...(await this.#announced(to, running && asked.announce)) };
      }),
    );
  }

  /** @throws BulkheadError SENSORD_INSTRUMENT_UNKNOWN, STORAGE_DELIVERY_*, STORAGE_HOST_FULL */
  async import(request: ImportRequest, content: AsyncIterable<Uint8Array>): Promise<DeliveryReply> {
    const { to, as, author, sha256, bytes, maxBytes } = request;
    const event = { from: 'operator', by: cleanAuthor(author), to, as, sha256, bytes };
    return this.#told(event, () =>
      this.#turns.run(to, async () => {
        const { target, running } = await this.#place(to, as);
        const placed = await this.#parts.storage.deliveries.receive(
          event.by,
          content,
          { sha256, bytes, maxBytes },
          target,
        );
        return { as, ...placed, ...(await this.#announced(to, running)) };
      }),
    );
  }

  /** Takes files away that were delivered or imported. @throws BulkheadError STORAGE_DELIVERY_UNKNOWN */
  async remove(to: string, names: readonly string[], author: string): Promise<{ announced?: ChangeReply }> {
    return this.#turns.run(to, async () => {
      const who: DeliverySender = { operator: cleanAuthor(author) };
      await this.#parts.storage.deliveries.remove(to, names, who);
      for (const as of names)
        this.#parts.publish('file.delivered', {
          from: 'operator',
          by: who.operator,
          to,
          as,
          outcome: 'removed',
        });
      return this.#announced(to, (await this.#container(to))?.status === 'running');
    });
  }

  /** Every file among an instrument's resources. @throws BulkheadError SENSORD_INSTRUMENT_UNKNOWN */
  async list(to: string): Promise<PlacedFile[]> {
    const { site, storage } = this.#parts;
    const desired = this.#parts.desired();
    const known = (await storage.deliveries.receivers()).includes(to);
    const resources = known
      ? (desired.instruments.find(({ name }) => name === to)?.resources ?? {})
      : receiver(desired, to).resources;
    const delivered = await storage.deliveries.list(to);
    const own = await configuredFiles(sitePaths(site).resourcesDir(to), resources);
    return [...own, ...delivered.map((file) => placedFile(desired, to, file))].sort((a, b) =>
      a.as < b.as ? -1 : 1,
    );
  }

  #judged(from: string, payload: unknown) {
    try {
      return allowedDelivery(this.#parts.desired(), from, payload);
    } catch (error) {
      this.#refused({ from }, error);
      throw error;
    }
  }

  async #told(
    event: {
      from: string;
      by?: string;
      to: string;
      as: string;
      sha256: string | undefined;
      bytes: number | undefined;
    },
    work: () => Promise<DeliveryReply>,
  ): Promise<DeliveryReply> {
    try {
      const reply = await work();
      const { sha256, bytes, changed, announced } = reply;
      const outcome = !changed
        ? 'unchanged'
        : announced?.ok === false
          ? 'delivered, not taken up'
          : 'delivered';
      const code = announced?.ok === false ? { code: announced.code } : {};
      this.#parts.publish('file.delivered', { ...event, sha256, bytes, outcome, ...code });
      return reply;
    } catch (error) {
      this.#refused(event, error);
      throw error;
    }
  }

  #refused(event: Record<string, unknown> & { from: string }, error: unknown): void {
    const code = error instanceof BulkheadError ? error.code : 'SENSORD_INTERNAL';
    const kind = `${event.from} ${code}`;
    const now = performance.now();
    if (now - (this.#refusals.get(kind) ?? -Infinity) < REFUSALS_EVERY_MS) return;
    this.#refusals.set(kind, now);
    this.#parts.publish('file.delivered', { ...event, outcome: 'refused', code });
  }

  /** Looked up now: a container that was made anew has other ids. */
  async #place(to: string, as: string) {
    const { resources } = receiver(this.#parts.desired(), to);
    const container = await this.#container(to);
    const ownerGroupId =
      container === undefined || container.idmapBase === 0 ? undefined : container.idmapBase + PROGRAM_UID;
    return {
      target: { to, as, ownerGroupId, reserved: Object.keys(resources) },
      running: container?.status === 'running',
    };
  }

  async #container(name: string) {
    return (await this.#parts.runtime.list()).find((one) => one.name === name);
  }

  async #announced(to: string, wanted: boolean): Promise<{ announced?: ChangeReply }> {
    return wanted ? { announced: await announce(this.#parts.bus, to, this.#parts.log) } : {};
  }
}
