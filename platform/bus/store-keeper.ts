import { join } from 'node:path';
import { BulkheadError, describeError, hasCode, type Logger } from '../kernel/index.ts';
import { PLATFORM_ACCOUNT, publisherOf } from './names.ts';
import { Quarantine } from './quarantine.ts';
import { BUS_UID } from './server-process.ts';
import { findDamage, positionOf, type FoundStream, type StoreDamage } from './store-check.ts';
import { StoreGuard } from './store-guard.ts';
import type { StoreIncidents } from './store-incidents.ts';
import { StoreRecord, type StreamPosition } from './store-record.ts';

/**
 * A stream that is made anew goes on this far behind the last sequence that is known of its predecessor: more than can
 * have been stored since that was written down, so that no reader's place is used a second time.
 */
const SEQUENCE_GAP = 1_000_000;

/** First what there is a copy of is put back, then the rest is set aside, then it has to be in order. */
const ATTEMPTS = 3;

/** The server, as far as bringing its store in order needs it. */
export interface ServerOnStore {
  /** The streams that it shows. */
  look(): Promise<ReadonlyMap<string, FoundStream>>;
  halt(): Promise<void>;
  start(): Promise<void>;
}

/** Damage after which the stream cannot go on as it is. */
type FatalDamage = Exclude<StoreDamage, { kind: 'holes' }>;

/**
 * Sees to it that a damaged part of the store is noticed, set aside and announced, and that everything else goes on.
 *
 * INVARIANTS: called one at a time, by the bus; files change only while no server runs on the store. What is known of a
 * stream is written down one look later than it is seen, because the newest message may not have reached the disk.
 */
export class StoreKeeper {
  readonly #record: StoreRecord;
  readonly #quarantine: Quarantine;
  readonly #guard: StoreGuard;
  readonly #incidents: StoreIncidents;
  readonly #log: Logger;
  readonly #storeDir: string;
  #seen: Record<string, StreamPosition> = {};
  /** Streams of whose descriptions there may be no copy yet. */
  #uncopied: string[] = [];

  constructor(busDir: string, incidents: StoreIncidents, log: Logger) {
    this.#record = new StoreRecord(join(busDir, 'store.json'));
    this.#storeDir = join(busDir, 'store');
    const streamsDir = join(this.#storeDir, 'jetstream', PLATFORM_ACCOUNT, 'streams');
    this.#guard = new StoreGuard({ streamsDir, guardDir: join(busDir, 'guard') });
    this.#quarantine = new Quarantine({
      streamsDir,
      quarantineDir: join(busDir, 'quarantine'),
      copiesDir: join(busDir, 'descriptions'),
      serverId: BUS_UID,
    });
    this.#incidents = incidents;
    this.#log = log;
  }

  /** @throws BulkheadError BUS_STORE_KIND, BUS_STORE_KEY */
  async claim(storeKey: string | undefined): Promise<void> {
    try {
      await this.#record.claim(storeKey);
    } catch (error) {
      if (!hasCode(error, 'BUS_STORE_DAMAGED')) throw error;
      this.#log.error({ err: error }, 'what was known of the event store is damaged; it is made anew');
      await this.#record.rebuild(storeKey, await this.#ours());
      this.#incidents.tell('bus.streamRepaired', 'what was known of the event store was damaged', {});
    }
  }

  /** To be called before every start of the server, while none runs. */
  async prepare(): Promise<void> {
    await this.#note(async () => {
      const removed = await this.#guard.prepare();
      if (removed.length > 0)
        this.#log.info({ removed }, 'blocks that were begun and never used were removed');
    });
  }

  /**
   * Repairs and sets aside until the server shows a store that can go on.
   * @throws BulkheadError BUS_STORE_DAMAGED, and what `start` throws
   */
  async bringInOrder(server: ServerOnStore): Promise<void> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const damages = await this.#examine(await server.look()).catch(async (error: unknown) => {
        await server.halt();
        throw error;
      });
      if (damages.length === 0) {
        await this.#note(() => this.#guard.release());
        return;
      }
      await server.halt();
      await this.#repair(damages, attempt > 0);
      await server.start();
    }
    await server.halt();
    throw new BulkheadError({
      code: 'BUS_STORE_DAMAGED',
      message: `The event store in ${this.#storeDir} cannot be brought in order.`,
      hint: `Restore it from a backup, or move it and store.json away to start with an empty store; the server's log says more.`,
    });
  }

  /**
   * Looks at what a server that just started found; announces what is missing within streams.
   * @returns streams that cannot go on as they are
   * @throws BulkheadError BUS_STORE_DAMAGED when nothing at all can be read: then it is not the store that is wrong
   */
  async #examine(found: ReadonlyMap<string, FoundStream>): Promise<FatalDamage[]> {
    const known = await this.#record.known();
    const damages = findDamage(known, found);
    const fatal = damages.filter((damage) => damage.kind !== 'holes');
    const unreadable = fatal.filter(({ kind }) => kind === 'unreadable').map(({ stream }) => stream);
    const folders = await this.#ours();
    const nothingLeft = unreadable.length === known.streams.length && folders.length === 0;
    if (unreadable.length > 0 && (nothingLeft || !known.trusted)) {
      throw new BulkheadError({
        code: 'BUS_STORE_DAMAGED',
        message: `The event store cannot be read: ${unreadable.join(', ')} missing${nothingLeft ? ', and no other is there' : ''}.`,
        hint: `See whether the disk with ${this.#storeDir} is mounted and the key is that of this sensor; else move the store and store.json away to start with an empty one.`,
        fields: { missing: unreadable.join(' ') },
      });
    }
    for (const damage of damages) {
      if (damage.kind !== 'holes') continue;
      const { stream, messages } = damage;
      const text = `${String(messages)} stored messages of ${publisherOf(stream) ?? stream} cannot be read any more`;
      this.#incidents.tell('bus.streamDamaged', text, { stream, messages });
    }
    return fatal;
  }

  /**
   * Repairs what can be repaired and sets the rest aside. Call while no server runs.
   * @param again true when a first attempt did not help: descriptions were then put back in vain.
   */
  async #repair(damages: readonly FatalDamage[], again: boolean): Promise<void> {
    for (const { kind, stream, last } of damages) {
      const publisher = publisherOf(stream) ?? stream;
      if (await this.#guard.putBack(stream))
        this.#log.warn(
          { stream },
          'the server removed a stream that it could not read; its files were put back',
        );
      if (kind === 'unreadable' && !again && (await this.#quarantine.restoreDescription(stream))) {
        this.#log.warn({ stream }, 'the description of a stream was damaged and was put back');
        const text = `the description of the stream of ${publisher} was damaged and was put back; no event is lost`;
        this.#incidents.tell('bus.streamRepaired', text, { stream });
        continue;
      }
      const folder = (await this.#quarantine.setAside(stream)) ?? '';
      await this.#guard.forget(stream);
      await this.#record.forget(stream);
      this.#log.error({ stream, folder, kind }, 'a stream was damaged and was set aside');
      const why = kind === 'rewound' ? 'its newest events are gone' : 'it cannot be read';
      const where = folder === '' ? 'its files are gone' : `it lies in ${folder}`;
      const text = `the stream of ${publisher} was damaged (${why}) and was made anew; ${where}`;
      this.#incidents.tell('bus.streamQuarantined', text, { stream, folder, lastSequence: last });
    }
  }

  /** Where streams that are made now begin, when there was one of that name before. */
  async firstSequences(): Promise<ReadonlyMap<string, number>> {
    const { positions } = await this.#record.known();
    return new Map(Object.entries(positions).map(([stream, { last }]) => [stream, last + SEQUENCE_GAP]));
  }

  /**
   * To be called when all streams are in place.
   * @param fromDisk the server has just read them from the disk, so that what it shows is durable
   */
  async accept(
    created: readonly string[],
    found: ReadonlyMap<string, FoundStream>,
    fromDisk: boolean,
  ): Promise<void> {
    const all = [...new Set([...created, ...found.keys()])];
    await this.#record.remember(all);
    this.#seen = positionsOf(found);
    // Copied later: many small synced files would make starting slow.
    this.#uncopied = all;
    if (fromDisk) await this.#note(() => this.#record.note(this.#seen));
  }

  /** To be called with what a scrub found; announces what was not known yet. */
  async unreadable(stream: string, messages: number): Promise<void> {
    const { unreadable } = await this.#record.known();
    const before = unreadable[stream] ?? 0;
    if (messages === before) return;
    await this.#note(() => this.#record.noteUnreadable(stream, messages));
    if (messages < before) return;
    const publisher = publisherOf(stream) ?? stream;
    const text = `${String(messages - before)} stored messages of ${publisher} are damaged; readers pass over them`;
    this.#incidents.tell('bus.streamDamaged', text, { stream, messages: messages - before });
  }

  /** Notes how far the streams have come: what was seen at the last call is on the disk by now. */
  async look(found: ReadonlyMap<string, FoundStream>): Promise<void> {
    await this.#note(() => this.#record.note(this.#seen));
    this.#seen = positionsOf(found);
    await this.#copyDescriptions();
  }

  /** Notes how far the streams had come when their server was ended in order, which writes everything to the disk. */
  async settle(found: ReadonlyMap<string, FoundStream>): Promise<void> {
    await this.#note(() => this.#record.note(positionsOf(found)));
    await this.#copyDescriptions();
  }

  /** Folders in quarantine, for people to look at and to delete. */
  async quarantined(): Promise<string[]> {
    return this.#quarantine.list();
  }

  async #copyDescriptions(): Promise<void> {
    const streams = this.#uncopied.splice(0);
    if (streams.length > 0) await this.#note(() => this.#quarantine.copyDescriptions(streams));
  }

  /** Something to be known later. On a full disk it is not: that must not keep the bus from running. */
  async #note(work: () => Promise<void>): Promise<void> {
    await work().catch((error: unknown) => {
      this.#log.warn(
        { reason: describeError(error) },
        'what is known of the event store cannot be written down, or the store not be guarded',
      );
    });
  }

  async #ours(): Promise<string[]> {
    return (await this.#quarantine.folders()).filter((name) => publisherOf(name) !== undefined);
  }
}

function positionsOf(found: ReadonlyMap<string, FoundStream>): Record<string, StreamPosition> {
  return Object.fromEntries([...found].map(([stream, state]) => [stream, positionOf(state)]));
}
