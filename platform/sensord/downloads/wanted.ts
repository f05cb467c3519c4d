import { readFile, rename } from 'node:fs/promises';
import { z } from 'zod';
import { DownloadAskSchema, NameSchema, type DownloadAsk } from '../../contracts/index.ts';
import { BulkheadError, hasCode, writeFileAtomic, type Logger } from '../../kernel/index.ts';
import type { DesiredInstrument } from '../desired.ts';

/** What one instrument may have asked for by message. */
export const MAX_REQUESTED = 32;

const RefusalSchema = z.strictObject({
  by: z.string().max(64),
  at: z.iso.datetime(),
  reason: z.string().max(500),
});

const WantedSchema = z.strictObject({
  instrument: NameSchema,
  ...DownloadAskSchema.shape,
  /** Why, in the instrument's words. */
  why: z.string().max(300),
  asked: z.enum(['manifest', 'message']),
  /** Since when it is asked for like this. */
  since: z.iso.datetime(),
  refused: RefusalSchema.optional(),
});
/** A download that an instrument wants, whether somebody approved it or not. */
export type WantedDownload = z.output<typeof WantedSchema>;

const FileSchema = z.strictObject({ version: z.literal(1), wanted: z.array(WantedSchema).max(64 * 64) });

/** An instrument, as far as its wishes go. */
export type Asker = Pick<DesiredInstrument, 'name' | 'manifest' | 'rights'>;

/**
 * What instruments want to have downloaded: what their manifests ask for, and what they asked for while they ran.
 *
 * INVARIANTS: changes run one after another and are on disk when they return. Only the instrument itself changes what it wants; a
 * refusal holds until it asks for something else, or somebody approves it.
 */
export class WantedDownloads {
  readonly #path: string;
  readonly #log: Logger;
  readonly #now: () => Date;
  #all: readonly WantedDownload[] = [];
  #turn: Promise<unknown> = Promise.resolve();
  #opened: Promise<void> | undefined;

  constructor(path: string, log: Logger, now: () => Date = () => new Date()) {
    this.#path = path;
    this.#log = log;
    this.#now = now;
  }

  /** Reads, once, what an earlier sensord kept; a damaged file is set aside, and instruments ask again. */
  open(): Promise<void> {
    this.#opened ??= this.#read();
    return this.#opened;
  }

  async #read(): Promise<void> {
    try {
      this.#all = FileSchema.parse(JSON.parse(await readFile(this.#path, 'utf8'))).wanted;
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return;
      this.#log.error(
        { err: error, path: this.#path },
        'the list of wanted downloads is damaged and was set aside',
      );
      await rename(this.#path, `${this.#path}.damaged`);
    }
  }

  list(): readonly WantedDownload[] {
    return this.#all;
  }

  find(instrument: string, name: string): WantedDownload | undefined {
    return this.#all.find((one) => one.instrument === instrument && one.name === name);
  }

  /**
   * Takes up what manifests ask for now, and forgets what nobody can want any more.
   * @param troubled instruments whose manifest cannot be had now: what they want stays as it is.
   */
  async follow(askers: readonly Asker[], troubled: ReadonlySet<string>): Promise<void> {
    await this.#change((all) => {
      const next = all.filter(({ instrument, name, asked }) => {
        const asks = askers.find((one) => one.name === instrument)?.manifest.asks;
        if (asks === undefined) return troubled.has(instrument);
        const inManifest = asks.downloads.some((ask) => ask.name === name);
        return asked === 'manifest' ? inManifest : asks.requestsDownloads && !inManifest;
      });
      for (const { name: instrument, manifest } of askers) {
        for (const ask of manifest.asks.downloads)
          upsert(next, this.#wanted(instrument, ask, '', 'manifest'));
      }
      return next;
    });
  }

  /**
   * Notes what an instrument asks for by message.
   * @returns whether it is new @throws BulkheadError SENSORD_DOWNLOAD_LIMIT, SENSORD_REQUEST_INVALID (the manifest has that name)
   */
  async request(
    { name: instrument, manifest, rights }: Asker,
    ask: DownloadAsk,
    why: string,
  ): Promise<boolean> {
    if (manifest.asks.downloads.some(({ name }) => name === ask.name)) throw ofManifest(instrument, ask.name);
    return this.#change((all) => {
      const next = [...all];
      const mine = next.filter((one) => one.instrument === instrument && one.asked === 'message');
      const known = mine.some(({ name }) => name === ask.name);
      if (!known && mine.length >= MAX_REQUESTED) {
        const spare = mine.find((one) => one.refused !== undefined || isApproved(rights, one));
        if (spare === undefined) throw tooMany(instrument);
        next.splice(next.indexOf(spare), 1);
      }
      upsert(next, this.#wanted(instrument, ask, why, 'message'));
      return next;
    });
  }

  /** The instrument does not want it any more. What was approved stays approved. */
  async withdraw(instrument: string, name: string): Promise<void> {
    await this.#change((all) =>
      all.filter((one) => one.instrument !== instrument || one.name !== name || one.asked !== 'message'),
    );
  }

  /** A person's answer: refused, or no longer refused. */
  async judge(
    instrument: string,
    name: string,
    refused: { by: string; reason: string } | undefined,
  ): Promise<void> {
    await this.#change((all) =>
      all.map((one) => {
        if (one.instrument !== instrument || one.name !== name) return one;
        const { refused: _, ...rest } = one;
        return refused === undefined
          ? rest
          : { ...rest, refused: { ...refused, at: this.#now().toISOString() } };
      }),
    );
  }

  #wanted(instrument: string, ask: DownloadAsk, why: string, asked: 'manifest' | 'message'): WantedDownload {
    return { instrument, ...ask, why, asked, since: this.#now().toISOString() };
  }

  /** @returns whether anything changed. */
  async #change(make: (all: readonly WantedDownload[]) => readonly WantedDownload[]): Promise<boolean> {
    const turn = this.#turn.then(async () => {
      const next = make(this.#all);
      const text = JSON.stringify(next);
      if (text === JSON.stringify(this.#all)) return false;
      await writeFileAtomic(this.#path, `${JSON.stringify({ version: 1, wanted: next })}\n`, 0o600);
      this.#all = next;
      return true;
    });
    this.#turn = turn.catch(() => undefined);
    return turn;
  }
}

/** Was exactly this approved? */
export function isApproved(
  rights: Asker['rights'],
  { name, url, as }: Pick<DownloadAsk, 'name' | 'url' | 'as'>,
): boolean {
  return rights.downloads.some((one) => one.name === name && one.url === url && one.as === as);
}

/** The same wish keeps its date and its refusal; another one under the same name is new. */
function upsert(all: WantedDownload[], wanted: WantedDownload): void {
  const index = all.findIndex((one) => one.instrument === wanted.instrument && one.name === wanted.name);
  const before = all[index];
  if (before === undefined) {
    all.push(wanted);
    return;
  }
  const same = before.url === wanted.url && before.as === wanted.as;
  all[index] = same
    ? { ...wanted, since: before.since, ...(before.refused === undefined ? {} : { refused: before.refused }) }
    : wanted;
}

function ofManifest(instrument: string, name: string): BulkheadError {
  return new BulkheadError({
    code: 'SENSORD_REQUEST_INVALID',
    message: `/name: "${name}" is a download of the manifest of ${instrument}.`,
    hint: 'Ask for it under another name.',
    fields: { pointer: '/name', instrument },
  });
}

function tooMany(instrument: string): BulkheadError {
  return new BulkheadError({
    code: 'SENSORD_DOWNLOAD_LIMIT',
    message: `${String(MAX_REQUESTED)} downloads that ${instrument} asked for wait for the operator already.`,
    hint: 'Approve or refuse what waits: `bulkhead downloads list`.',
    fields: { instrument },
  });
}
