import { statfsSync } from 'node:fs';
import {
  readStaticFiles,
  type ChangeReply,
  type EventSubscription,
  type Health,
  type Instrument,
} from '@bulkhead/sdk';
import { AlertNames, messageKey } from './alert-names.ts';
import { faultOf, openApi } from './api.ts';
import type { CofRecord } from './cof-record.ts';
import { databaseFile } from './database.ts';
import { PassiveDnsError, saidBy } from './errors.ts';
import { judgeHealth } from './health.ts';
import { LookupSchema, lookUp, oldestOf, type Lookup } from './lookup.ts';
import type { LoopbackServer } from './loopback-server.ts';
import { OptionsSchema, type Options } from './options.ts';
import type { PageState } from './page-types.ts';
import { openPage, PAGE_PORT } from './page.ts';
import { describeKeptData, personalData } from './personal-data.ts';
import { Retention } from './retention.ts';
import { DnsStore } from './store.ts';

/** Where parts of the app lie. */
export interface AppPlaces {
  /** Native part of better-sqlite3 beside the bundle. */
  nativeBinding?: string;
  /** Instead of the option's port; 0 takes a free one. */
  apiPort?: number;
  /** The web page's files. */
  uiDir?: string;
  /** Instead of {@link PAGE_PORT}; 0 takes a free one. */
  pagePort?: number;
}

const RETENTION_MS = 3_600_000;
/** While a pass had to stop at its bound, the next comes sooner. */
const RETENTION_MORE_MS = 60_000;
/** Share of the volume that the database may take: the log of writes and a copy set aside need room too. */
const VOLUME_SHARE = 0.6;

/**
 * Passive DNS as an instrument: DNS events in, lookups and names of alerts out.
 *
 * INVARIANT: a message of the bus is acknowledged after what it says is durable.
 */
export class PassiveDnsApp {
  readonly store: DnsStore;
  readonly retention: Retention;
  readonly #instrument: Instrument;
  readonly #file: string;
  readonly #names: AlertNames;
  readonly #subscriptions: EventSubscription[] = [];
  /** Kinds of event that it was reading and may not read any more, with the reason. */
  readonly #unread = new Map<string, string>();
  #options: Options;
  readonly #startedMs = Date.now();
  #api: LoopbackServer | undefined;
  #apiTrouble: string | undefined = 'not started yet';
  #page: LoopbackServer | undefined;
  #pageTrouble: string | undefined = 'not started yet';
  #lookups = 0;
  #timer: NodeJS.Timeout | undefined;
  #volumeBytes: number | undefined;

  constructor(instrument: Instrument, places: AppPlaces = {}) {
    this.#instrument = instrument;
    this.#options = instrument.options(OptionsSchema);
    this.#file = databaseFile(instrument.persistentDir);
    this.store = new DnsStore({
      file: this.#file,
      ...(places.nativeBinding === undefined ? {} : { nativeBinding: places.nativeBinding }),
      bounds: () => ({ ...this.#options, maxBytes: this.#maxBytes() }),
      warn: (message, fields) => {
        instrument.log.warn(message, fields);
      },
    });
    this.retention = new Retention({
      store: this.store,
      retentionDays: () => this.#options.retentionDays,
      clockCheckedOn: () => this.#options.clockCheckedOn,
    });
    this.#names = new AlertNames({
      store: this.store,
      publish: (record) => instrument.publish('alert.names', record),
      namesPerAddress: () => this.#options.namesPerAddress,
    });
  }

  /** Begins to read, to answer and to forget. */
  async start(places: AppPlaces = {}): Promise<void> {
    const instrument = this.#instrument;
    instrument.onStop(() => this.stop());
    instrument.health(() => this.health());
    instrument.onConfigure((options) => this.configure(options));
    instrument.onRetention(() => describeKeptData(this.store, this.#file, this.#options.retentionDays));
    instrument.onData(personalData(this.store));
    if (instrument.file.accept.includes('dns.lookup')) {
      instrument.handle('dns.lookup', (payload) => {
        const asked = LookupSchema.safeParse(payload);
        if (!asked.success) throw new PassiveDnsError('PASSIVE_DNS_QUERY_INVALID', faultOf(asked.error));
        return this.lookUp(asked.data);
      });
    }
    await this.store.open();
    for (const { from, type } of instrument.file.read) this.#read(from, type);
    instrument.onRights(({ given }) => {
      for (const { from, type } of given.read) this.#read(from, type);
      return undefined;
    });
    this.#retain(0);
    try {
      this.#api = await openApi({
        port: places.apiPort ?? this.#options.apiPort,
        lookUp: (lookup) => this.lookUp(lookup),
      });
      this.#apiTrouble = undefined;
    } catch (error) {
      this.#apiTrouble = error instanceof Error ? error.message : String(error);
    }
    await this.#openPage(places);
    instrument.log.info('passive DNS listens', {
      reads: instrument.file.read.map(({ from, type }) => `${from}/${type}`).join(' '),
      ...(this.#api === undefined ? {} : { port: this.#api.port }),
    });
  }

  /** Port of the HTTP API; undefined while it does not listen. */
  get apiPort(): number | undefined {
    return this.#api?.port;
  }

  /** Port of the web page; undefined while it does not listen. */
  get pagePort(): number | undefined {
    return this.#page?.port;
  }

  /** @throws PassiveDnsError PASSIVE_DNS_UNAVAILABLE */
  lookUp(lookup: Lookup): { records: CofRecord[]; more: boolean } {
    this.#lookups += 1;
    return this.store.look((db) => lookUp(db, lookup));
  }

  configure(options: unknown): ChangeReply {
    const parsed = OptionsSchema.safeParse(options);
    if (!parsed.success) {
      return { ok: false, code: 'PASSIVE_DNS_OPTIONS_INVALID', message: faultOf(parsed.error) };
    }
    this.#options = parsed.data;
    this.#retain(0);
    return { ok: true };
  }

  health(): Health {
    const { store, retention } = this;
    const facts = store.writer?.facts;
    return judgeHealth({
      trouble: store.trouble,
      waiting: store.waiting,
      api: this.#apiTrouble,
      page: this.#pageTrouble,
      retentionHeld: retention.state.held,
      damagedMs: facts?.get('damaged_ms'),
      nowMs: Date.now(),
      unread: [...this.#unread.values()],
      counters: {
        ...store.counters,
        rrsets: store.writer?.records ?? 0,
        shed: store.writer?.shed ?? 0,
        damaged: facts?.get('damaged') ?? 0,
        waiting: store.waiting,
        lookups: this.#lookups,
        'retention.deleted': retention.state.deleted,
        'retention.corrected': retention.state.corrected,
        'alerts.seen': this.#names.counters.alerts,
        'alerts.named': this.#names.counters.named,
      },
    });
  }

  /** What the page says about the instrument. @throws PassiveDnsError PASSIVE_DNS_UNAVAILABLE */
  pageState(): PageState {
    const { state, detail } = this.health();
    const oldest = this.store.look(oldestOf);
    return {
      sensor: this.#instrument.file.sensor,
      records: this.store.writer?.records ?? 0,
      observations: this.store.counters.observations,
      since: Math.floor(this.#startedMs / 1_000),
      ...(oldest === undefined ? {} : { oldest }),
      retentionDays: this.#options.retentionDays,
      readsDns: this.#instrument.file.read.some(({ type }) => type === 'dns'),
      state,
      ...(detail === undefined ? {} : { detail }),
    };
  }

  /** Reads no more, stores what it took, and closes. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    await Promise.race([
      Promise.all(this.#subscriptions.map((subscription) => subscription.stop())),
      // What cannot be stored is not acknowledged and comes again.
      new Promise((resolve) => setTimeout(resolve, 3_000)),
    ]);
    await this.#page?.close();
    await this.#api?.close();
    await this.store.close();
  }

  async #openPage({ pagePort, uiDir }: AppPlaces): Promise<void> {
    try {
      this.#page = await openPage({
        port: pagePort ?? PAGE_PORT,
        files: uiDir === undefined ? new Map() : await readStaticFiles(uiDir),
        lookUp: (lookup) => this.lookUp(lookup),
        state: () => this.pageState(),
        failed: (error) => {
          this.#instrument.log.error('a request of the page failed', { reason: saidBy(error) });
        },
      });
      this.#pageTrouble = undefined;
    } catch (error) {
      this.#pageTrouble = saidBy(error);
    }
  }

  #read(from: string, type: string): void {
    const take = (batch: Parameters<AlertNames['take']>[0]): Promise<void> =>
      type === 'alert'
        ? this.#names.take(batch)
        : this.store.take({ key: messageKey(batch), text: batch.text, time: batch.time });
    const kind = `${type} of ${from}`;
    const subscription = this.#instrument.subscribeBatches(from, type, take);
    this.#subscriptions.push(subscription);
    this.#unread.delete(kind);
    void subscription.ended.then((error) => {
      if (error !== undefined) this.#unread.set(kind, `${kind} (${error.code})`);
    });
  }

  #retain(afterMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.retention
        .pass()
        .catch((error: unknown) => {
          this.#instrument.log.error('retention failed', {
            reason: error instanceof Error ? error.message : String(error),
          });
        })
        .finally(() => {
          if (this.#instrument.stopping.aborted) return;
          this.#retain(this.retention.state.more ? RETENTION_MORE_MS : RETENTION_MS);
        });
    }, afterMs);
  }

  #maxBytes(): number {
    if (this.#volumeBytes === undefined) {
      const { blocks, bsize } = statfsSync(this.#instrument.persistentDir);
      this.#volumeBytes = blocks * bsize;
    }
    return this.#volumeBytes * VOLUME_SHARE;
  }
}
