import { join } from 'node:path';
import {
  readStaticFiles,
  type ChangeReply,
  type EventSubscription,
  type Health,
  type Instrument,
} from '@bulkhead/sdk';
import type { Desk } from './api/desk.ts';
import { openHttp, type Http } from './api/http.ts';
import { answerMessages } from './api/messages.ts';
import { performer } from './api/perform.ts';
import { stateOf } from './api/source-operations.ts';
import { PINNED } from './deploy/builder.ts';
import { DocumentCopy } from './documents/document-copy.ts';
import { saidBy } from './errors.ts';
import { judgeHealth } from './health.ts';
import { openDesk } from './open-desk.ts';
import { OptionsSchema, type Options } from './options.ts';
import { keptCopies, personalData } from './personal-data.ts';
import { openDatabase, type Database } from './store/database.ts';
import { AlertLog } from './suppressions/alert-log.ts';

/** Where parts of the app lie. */
export interface AppPlaces {
  /** Native part of better-sqlite3 beside the bundle. */
  nativeBinding?: string;
  /** The web page's files. */
  uiDir?: string;
  /** 0 takes a free one. */
  httpPort?: number;
  /** How often an IDS's job is looked at. */
  pollMs?: number;
}

export const HTTP_PORT = 8_054;
const RETENTION_MS = 3_600_000;
const DOWNLOADS_MS = 60_000;
/** A file that takes longer to read is reported by the state of its source instead of the reply. */
const ANSWER_MS = 4_000;

/**
 * The rule manager as an instrument: what people want in, tested rulesets out to the IDSs that were granted.
 */
export class RuleManagerApp {
  readonly desk: Desk;
  readonly #instrument: Instrument;
  readonly #places: AppPlaces;
  readonly #rulesDb: Database;
  readonly #alertsDb: Database;
  readonly #alerts: AlertLog;
  readonly #copy: DocumentCopy;
  readonly #wasDamaged: boolean;
  readonly #subscriptions: EventSubscription[] = [];
  readonly #unread: string[] = [];
  #options: Options;
  #http: Http | undefined;
  #httpTrouble: string | undefined = 'not started yet';
  #retentionHeld: string | undefined;
  #generation = Date.now();
  #timers: NodeJS.Timeout[] = [];

  private constructor(instrument: Instrument, places: AppPlaces) {
    this.#instrument = instrument;
    this.#places = places;
    this.#options = instrument.options(OptionsSchema);
    const { nativeBinding } = places;
    const open = (name: 'rules' | 'alerts') =>
      openDatabase(
        {
          file: join(instrument.persistentDir, `${name}.sqlite`),
          ...(nativeBinding === undefined ? {} : { nativeBinding }),
        },
        name,
      );
    const rules = open('rules');
    this.#rulesDb = rules.db;
    this.#wasDamaged = rules.wasDamaged;
    this.#alertsDb = open('alerts').db;
    this.#alerts = new AlertLog({
      db: this.#alertsDb,
      days: () => this.#options.alertDays,
      maxRows: () => this.#options.maxAlerts,
    });
    this.desk = openDesk({
      instrument,
      db: this.#rulesDb,
      options: () => this.#options,
      changed: () => {
        this.#generation += 1;
      },
      documentsChanged: () => {
        this.#copy.touch();
      },
      alerts: () => (this.#options.alertDays === 0 ? undefined : this.#alerts),
      generation: () => this.#generation,
      health: () => this.health(),
      ...(places.pollMs === undefined ? {} : { pollMs: places.pollMs }),
    });
    this.#copy = new DocumentCopy(join(instrument.persistentDir, 'documents.json'), this.desk.documents);
  }

  /** Opens what is kept. */
  static async open(instrument: Instrument, places: AppPlaces = {}): Promise<RuleManagerApp> {
    const app = new RuleManagerApp(instrument, places);
    if (app.desk.documents.list().length === 0) {
      const restored = await app.#copy.restore();
      if (restored > 0) instrument.log.warn('documents were restored from their copy', { restored });
    }
    const { documents, sources, pipeline } = app.desk;
    await sources.tidy(documents.list('source').map(({ body }) => body.name));
    await pipeline.recover();
    return app;
  }

  /** Begins to answer, to look after the IDSs and to take files. */
  async start(): Promise<void> {
    const instrument = this.#instrument;
    const { desk } = this;
    instrument.onStop(() => this.stop());
    instrument.health(() => this.health());
    instrument.onConfigure((options) => this.configure(options));
    instrument.onResources(() => this.#look());
    instrument.onRights(() => {
      desk.reconciler.start();
      return undefined;
    });
    const kept = {
      rulesDb: this.#rulesDb,
      alertsDb: this.#alertsDb,
      rulesFile: join(instrument.persistentDir, 'rules.sqlite'),
      alertsFile: join(instrument.persistentDir, 'alerts.sqlite'),
      alerts: this.#alerts,
      documents: desk.documents,
      versions: desk.versions,
      alertDays: () => this.#options.alertDays,
    };
    instrument.onRetention(() => keptCopies(kept));
    instrument.onData(personalData(kept));
    const perform = performer(desk);
    answerMessages(instrument, perform);
    for (const { from, type } of instrument.file.read) if (type === 'alert') this.#read(from, type);
    try {
      this.#http = await openHttp({
        port: this.#places.httpPort ?? HTTP_PORT,
        perform,
        files: this.#places.uiDir === undefined ? new Map() : await readStaticFiles(this.#places.uiDir),
        failed: (error) => {
          instrument.log.error('a request failed', saidBy(error));
        },
      });
      this.#httpTrouble = undefined;
    } catch (error) {
      this.#httpTrouble = saidBy(error).message;
    }
    void this.#look().then(() => desk.keeper.request());
    desk.reconciler.start();
    this.#every(DOWNLOADS_MS, () => this.#requestUnapproved());
    this.#every(RETENTION_MS, async () => {
      this.#retentionHeld = await this.#alerts.expire();
    });
    instrument.log.info('the rule manager is ready', {
      sources: desk.documents.counts().source,
      ids: desk.granted().length,
      ...(this.#http === undefined ? {} : { port: this.#http.port }),
    });
  }

  /** Port of the HTTP API; undefined while it does not listen. */
  get httpPort(): number | undefined {
    return this.#http?.port;
  }

  configure(options: unknown): ChangeReply {
    const parsed = OptionsSchema.safeParse(options);
    if (!parsed.success) {
      const issue = parsed.error.issues[0];
      const message = `/${(issue?.path ?? []).map(String).join('/')}: ${issue?.message ?? 'not valid'}`;
      return { ok: false, code: 'RULES_OPTIONS_INVALID', message: message.slice(0, 300) };
    }
    this.#options = parsed.data;
    this.#generation += 1;
    this.desk.reconciler.start();
    return { ok: true };
  }

  health(): Health {
    const { documents, jobs, reconciler } = this.desk;
    const sources = documents.list('source').map((source) => stateOf(this.desk, source));
    return judgeHealth({
      api: this.#httpTrouble,
      wasDamaged: this.#wasDamaged,
      sources,
      targets: jobs.targets(),
      unbuildable: reconciler.trouble,
      pinned: jobs.fact(PINNED),
      enabled: reconciler.wanted?.enabled,
      retentionHeld: this.#retentionHeld,
      unread: this.#unread,
      counters: {
        sources: sources.length,
        rules: sources.reduce((sum, { rules }) => sum + rules.all, 0),
        'rules.enabled': reconciler.wanted?.enabled ?? 0,
        'rules.skipped': sources.reduce((sum, { version }) => sum + (version?.skipped ?? 0), 0),
        suppressions: documents.counts().suppression,
        'alerts.recorded': this.#alerts.rows,
        'alerts.dropped': this.#alerts.counters.dropped,
        'alerts.expired': this.#alerts.counters.expired,
      },
    });
  }

  /** Ends what is at work and closes. */
  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    this.#timers = [];
    await Promise.race([
      Promise.all(this.#subscriptions.map((subscription) => subscription.stop())),
      new Promise((resolve) => setTimeout(resolve, 2_000)),
    ]);
    await this.#http?.close();
    await this.desk.reconciler.stop();
    await this.desk.pipeline.idle();
    await this.#copy.write();
    this.#alerts.flush();
    this.#alertsDb.close();
    this.#rulesDb.close();
  }

  /** Takes what the platform placed. Reading that takes long goes on behind the answer. */
  async #look(): Promise<ChangeReply> {
    const looked = this.desk.keeper
      .look()
      .catch((error: unknown): ChangeReply => ({ ok: false, ...saidBy(error) }));
    const late = new Promise<ChangeReply>((resolve) => {
      setTimeout(resolve, ANSWER_MS, { ok: true, detail: 'the files are being read' }).unref();
    });
    return Promise.race([looked, late]);
  }

  /** Asks again for what is not approved yet: the operator's word changes the answer. */
  async #requestUnapproved(): Promise<void> {
    for (const { body } of this.desk.documents.list('source')) {
      const state = this.desk.sources.download(body.name)?.state;
      if (state !== undefined && state !== 'approved') await this.desk.keeper.request(body.name);
    }
  }

  #read(from: string, type: string): void {
    const subscription = this.#instrument.subscribeBatches(from, type, (batch) =>
      this.#options.alertDays === 0 ? Promise.resolve() : this.#alerts.take(batch),
    );
    this.#subscriptions.push(subscription);
    void subscription.ended.then((error) => {
      if (error !== undefined) this.#unread.push(`${type} of ${from} (${error.code})`);
    });
  }

  #every(ms: number, work: () => Promise<void>): void {
    this.#timers.push(
      setInterval(() => {
        work().catch((error: unknown) => {
          this.#instrument.log.error('recurring work failed', saidBy(error));
        });
      }, ms),
    );
  }
}
