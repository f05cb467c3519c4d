import { statSync } from 'node:fs';
import { join } from 'node:path';
import {
  downloadJobs,
  downloadNow,
  downloadStatus,
  type ChangeReply,
  type Health,
  type Instrument,
  type KeptCopy,
} from '@bulkhead/sdk';
import { Downloads } from './downloads.ts';
import { reasonOf } from './errors.ts';
import { LIMITS, type TransferLimits } from './limits.ts';
import { OptionsSchema, type Options } from './options.ts';
import { deliverByPlatform, resolveByPlatform } from './platform-services.ts';
import { judgeHealth } from './status.ts';

/** The downloader as an instrument: what to fetch comes from the platform, what came goes to it. */
export class DownloaderApp {
  readonly downloads: Downloads;
  readonly #instrument: Instrument;
  #options: Options;

  constructor(instrument: Instrument, limits: TransferLimits = LIMITS) {
    this.#instrument = instrument;
    this.#options = instrument.options(OptionsSchema);
    this.downloads = new Downloads({
      folder: instrument.persistentDir,
      resolve: resolveByPlatform(instrument),
      deliver: deliverByPlatform(instrument),
      publish: (type, record) => {
        // A fact that cannot be told is counted by the sdk; the download is done all the same.
        instrument.publish(type, record).catch((error: unknown) => {
          instrument.log.warn('an event was not published', { type, reason: reasonOf(error) });
        });
      },
      warn: (message, fields) => {
        instrument.log.warn(message, fields);
      },
      limits,
      random: Math.random,
      atOnce: () => this.#options.atOnce,
    });
  }

  /** Answers, and fetches as soon as the platform says what. */
  async start(): Promise<void> {
    const instrument = this.#instrument;
    await this.downloads.open();
    instrument.onStop(() => this.downloads.close());
    instrument.handle(downloadJobs, async (request) => ({ accepted: await this.downloads.setJobs(request) }));
    instrument.handle(downloadStatus, () => ({ jobs: this.downloads.status() }));
    instrument.handle(downloadNow, ({ id, again = false }) => ({
      started: this.downloads.fetchNow(id, again),
    }));
    instrument.health(() => this.health());
    instrument.onConfigure((options) => this.configure(options));
    instrument.onRetention(() => [this.#kept()]);
    // No data about people: nothing to find, to delete or to hold.
    instrument.onData({ find: () => [], purge: () => 0, hold: () => undefined });
    instrument.log.info('the downloader waits for what to fetch');
  }

  health(): Health {
    const { told, trouble, counters } = this.downloads;
    return judgeHealth({ downloads: this.downloads.status(), told, trouble, counters });
  }

  configure(options: unknown): ChangeReply {
    const parsed = OptionsSchema.safeParse(options);
    if (!parsed.success) {
      const issue = parsed.error.issues[0];
      const message = `/${(issue?.path ?? []).join('/')}: ${issue?.message ?? 'is not valid'}`;
      return { ok: false, code: 'DOWNLOADER_OPTIONS_INVALID', message };
    }
    this.#options = parsed.data;
    return { ok: true };
  }

  #kept(): KeptCopy {
    const bytes = statSync(join(this.#instrument.persistentDir, 'state.json'), {
      throwIfNoEntry: false,
    })?.size;
    return {
      name: 'download-state',
      what: 'addresses of approved files, their versions and the results of the last tries; nothing about people',
      records: this.downloads.status().length,
      bytes: bytes ?? 0,
    };
  }
}
