import { createHash } from 'node:crypto';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ChangeReply, InstrumentLog } from '@bulkhead/sdk';
import type { DocumentStore } from '../documents/document-store.ts';
import type { Document } from '../documents/schemas.ts';
import { RulesError, saidBy } from '../errors.ts';
import { Exclusive } from '../exclusive.ts';
import { addressOf, parseIndex } from './catalogue.ts';
import { readSource } from './read-source.ts';
import { readResource, type ResourceFile } from './resource-file.ts';
import type { SourceStore } from './source-store.ts';

export interface SourceKeeperOptions {
  store: SourceStore;
  documents: DocumentStore;
  resourcesDir: string;
  /** Where texts that people gave are kept. */
  pastedDir: string;
  /** Version of the IDS, for addresses of catalogues that name it. */
  engineVersion: () => string;
  /** Asks the platform for a download; undefined: the instrument may not. */
  request: (() => ((payload: DownloadWish) => Promise<unknown>) | undefined) | undefined;
  /** Called when the rules of a source changed. */
  changed: () => void;
  log: InstrumentLog;
}

/** What `download.request` is asked. */
export interface DownloadWish {
  name: string;
  url: string;
  as: string;
  everyS: number;
  maxMib: number;
  why: string;
}

type Source = Document<'source'>;

const IMPORTER = 'rule-manager';

/**
 * Brings the files of sources in: asks for their downloads, reads what the platform placed, keeps the last good one.
 *
 * INVARIANTS: one file is read at a time. A file that is not taken changes nothing but what is said about the source.
 */
export class SourceKeeper {
  readonly #options: SourceKeeperOptions;
  readonly #exclusive = new Exclusive();
  readonly #reading = new Set<string>();

  constructor(options: SourceKeeperOptions) {
    this.#options = options;
  }

  /** Whether a file of this source is being read or waits for it. */
  isReading(name: string): boolean {
    return this.#reading.has(name);
  }

  /** Looks at every source's file, and takes those that are new. @returns the first refusal */
  async look(again?: string): Promise<ChangeReply> {
    let refusal: ChangeReply | undefined;
    for (const source of this.#options.documents.list('source')) {
      const file = fileOf(source);
      const taken = await this.#exclusive.run(() => this.#take(source, file, source.body.name === again));
      if (!taken.ok) refusal ??= taken;
    }
    return refusal ?? { ok: true };
  }

  /** Takes text that a person gave. @throws RulesError why it is not taken */
  async paste(source: Source, text: string): Promise<void> {
    const bytes = Buffer.from(text, 'utf8');
    const digest = createHash('sha256').update(bytes).digest('hex');
    await this.#exclusive.run(async () => {
      await this.#read(source, source.body.name, { bytes, digest }, true);
      // Kept as it was given, so that it can be read again like any other file.
      const { pastedDir } = this.#options;
      await mkdir(pastedDir, { recursive: true, mode: 0o700 });
      await writeFile(join(pastedDir, `${source.body.name}.new`), bytes, { mode: 0o600, flush: true });
      await rename(join(pastedDir, `${source.body.name}.new`), join(pastedDir, source.body.name));
    });
  }

  async remove(name: string): Promise<void> {
    await this.#exclusive.run(async () => {
      await rm(join(this.#options.pastedDir, name), { force: true });
      await this.#options.store.remove(name);
    });
    this.#options.changed();
  }

  /** Asks for the downloads of all sources, or of one. What was approved stays approved; asking again costs nothing. */
  async request(only?: string): Promise<void> {
    for (const source of this.#options.documents.list('source')) {
      const { name, origin } = source.body;
      if (only !== undefined && name !== only) continue;
      if (origin.type === 'url' || origin.type === 'index' || origin.type === 'catalogue') {
        await this.#request(source);
      }
    }
  }

  /** Address of a source's file; undefined = it has none. @throws RulesError RULES_UNKNOWN, RULES_REQUEST_INVALID */
  addressOf({ body }: Pick<Source, 'body'>): string | undefined {
    const { origin } = body;
    if (origin.type === 'url' || origin.type === 'index') return origin.url;
    if (origin.type !== 'catalogue') return undefined;
    const entry = this.#options.store.catalogue(origin.index).find(({ entry }) => entry === origin.entry);
    if (entry === undefined) {
      throw new RulesError(
        'RULES_UNKNOWN',
        `${origin.index} lists no source ${JSON.stringify(origin.entry)}.`,
      );
    }
    return addressOf(entry.url, origin.parameters, this.#options.engineVersion());
  }

  async #request(source: Source): Promise<void> {
    const { name, everyS, maxMib } = source.body;
    const download = downloadName(name);
    try {
      const ask = this.#options.request?.();
      const url = this.addressOf(source);
      if (ask === undefined || url === undefined) {
        throw new RulesError('RULES_UNAVAILABLE', 'This instrument may not ask for downloads.');
      }
      const reply = await ask({
        name: download,
        url,
        as: download,
        everyS,
        maxMib,
        why: `rules of the source ${name}`,
      });
      const state = (reply as { state?: unknown } | null)?.state;
      this.#options.store.putDownload(name, {
        name: download,
        state: state === 'approved' || state === 'refused' ? state : 'waiting',
      });
    } catch (error) {
      this.#options.store.putDownload(name, { name: download, state: 'failed', ...saidBy(error) });
    }
  }

  async #take(source: Source, file: string, again: boolean): Promise<ChangeReply> {
    const { store, resourcesDir, pastedDir } = this.#options;
    const dir = source.body.origin.type === 'pasted' ? pastedDir : resourcesDir;
    const { name, maxMib } = source.body;
    let resource: ResourceFile | undefined;
    try {
      resource = await readResource(dir, file, maxMib * 2 ** 20);
    } catch (error) {
      const reason = saidBy(error);
      if (store.files(name).refused?.message !== reason.message) {
        store.refuse(name, { digest: '', bytes: 0, skipped: 0, faults: [] }, reason);
      }
      return { ok: false, ...reason };
    }
    if (resource === undefined) return { ok: true };
    const known = store.files(name);
    const { digest } = resource;
    if (!again && (known.refused === undefined ? known.good?.digest : known.refused.digest) === digest) {
      return { ok: true };
    }
    try {
      await this.#read(source, file, resource, false);
      return { ok: true };
    } catch (error) {
      return { ok: false, ...saidBy(error) };
    }
  }

  /** @throws RulesError why the file is not taken; it is remembered unless a person gave it and gets the answer */
  async #read(source: Source, file: string, resource: ResourceFile, given: boolean): Promise<void> {
    const { store, log } = this.#options;
    const { name, origin, skipFaulty } = source.body;
    this.#reading.add(name);
    try {
      if (origin.type === 'index' || origin.type === 'index-file') {
        this.#readIndex(name, resource);
        return;
      }
      const read = await readSource(file, resource, skipFaulty);
      if (!read.ok) {
        if (!given) this.#refuse(name, read.file, read.error);
        throw read.error;
      }
      await store.put(name, read.file, read.rules);
      this.#note(name, 'import', `${String(read.count)} rules, ${String(read.file.skipped)} left out.`);
      log.info('the rules of a source were taken', {
        source: name,
        rules: read.count,
        skipped: read.file.skipped,
      });
      this.#options.changed();
    } finally {
      this.#reading.delete(name);
    }
  }

  #readIndex(name: string, resource: ResourceFile): void {
    const file = { digest: resource.digest, bytes: resource.bytes.length, skipped: 0, faults: [] };
    try {
      const { entries, skipped } = parseIndex(resource.bytes);
      this.#options.store.putCatalogue(name, { ...file, skipped }, entries);
      this.#note(name, 'import', `${String(entries.length)} sources are listed.`);
      this.#options.changed();
    } catch (error) {
      if (error instanceof RulesError) this.#refuse(name, file, error);
      throw error;
    }
  }

  #refuse(name: string, file: Parameters<SourceStore['refuse']>[1], error: RulesError): void {
    const { store, log } = this.#options;
    store.refuse(name, file, saidBy(error));
    this.#note(name, 'refused', saidBy(error).message.slice(0, 500));
    log.warn('the file of a source was not taken', { source: name, ...saidBy(error) });
    this.#options.changed();
  }

  #note(subject: string, action: 'import' | 'refused', reason: string): void {
    this.#options.documents.note({ author: IMPORTER, action, kind: 'source', subject, reason });
  }
}

/** Name of a source's download, and of its file below `resources/`. */
export function downloadName(source: string): string {
  return `source-${source}`;
}

function fileOf({ body: { name, origin } }: Source): string {
  if (origin.type === 'pasted') return name;
  return origin.type === 'file' || origin.type === 'index-file' ? origin.file : downloadName(name);
}
