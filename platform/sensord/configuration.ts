import type { SensorConfig } from '../contracts/index.ts';
import { BulkheadError, describeError } from '../kernel/index.ts';
import { parseSensorConfig, readConfigText } from './config-file.ts';
import { desiredState, digestOf, type DesiredState } from './desired.ts';
import type { Rights } from './rights.ts';
import { WithheldRights } from './withheld-rights.ts';
import { findPackage, type Library } from './library.ts';
import { normaliseDocument, textDigest, type Revision } from './revisions-format.ts';
import type { RevisionStore } from './revisions.ts';

/** The configuration in force and what went wrong when a newer one was tried. */
export interface ConfigurationState {
  /** The file that is imported when it changed. */
  path: string;
  /** Changes when what is desired changes, be it by a document or by a package. */
  digest: string;
  loadedAt: Date;
  /** The revision in force; undefined only before the first `load`. */
  revision: Pick<Revision, 'number' | 'author' | 'reason' | 'time'> | undefined;
  /** The revision that is being brought in force right now. */
  trying: number | undefined;
  lastError: string | undefined;
}

/** A document with everything that it needs looked up; nothing of it is in force yet. */
export interface Prepared {
  document: string;
  config: SensorConfig;
  desired: DesiredState;
  versions: Record<string, string>;
}

/**
 * Holds the configuration in force. A new one replaces it whole or not at all; an instrument whose package cannot be
 * had keeps the shape that it had, so that a fault in one package blinds nobody.
 *
 * INVARIANTS: `desired` changes only in `load`, `use` and `accept`, and whole; these are called one after another.
 * `state` tells of committed revisions only, also while another one is tried.
 */
export class Configuration {
  readonly #path: string;
  readonly #loadLibrary: (names: Iterable<string>) => Promise<Library>;
  readonly #revisions: RevisionStore;
  readonly #withheld = new WithheldRights();
  #inUse: Prepared | undefined;
  #state: ConfigurationState;

  constructor(path: string, load: (names: Iterable<string>) => Promise<Library>, revisions: RevisionStore) {
    this.#path = path;
    this.#loadLibrary = load;
    this.#revisions = revisions;
    this.#state = {
      path,
      digest: '',
      loadedAt: new Date(0),
      revision: undefined,
      trying: undefined,
      lastError: undefined,
    };
  }

  /** Versions of packages, and of the tools in their images. */
  get versions(): Record<string, string> {
    return this.#inUse?.versions ?? {};
  }

  get state(): ConfigurationState {
    return this.#state;
  }

  get revisions(): RevisionStore {
    return this.#revisions;
  }

  /** What the sensor should be. @throws Error before the first successful `load`. */
  get desired(): DesiredState {
    return this.#withheld.narrow(this.inUse.desired);
  }

  /** Takes rights away before a revision says so. @returns what ends it, once a revision does. */
  withhold(instrument: string, narrow: (rights: Rights) => Rights): () => void {
    return this.#withheld.add(instrument, narrow);
  }

  get inUse(): Prepared {
    if (this.#inUse === undefined) throw new Error('no configuration was loaded yet');
    return this.#inUse;
  }

  /**
   * At the start: the revision in force, or the file when it changed since it was last imported. There is nothing yet
   * that a change could be watched on, so a file that fits is in force at once.
   * @throws BulkheadError SENSORD_CONFIG_* when there is neither.
   */
  async load(): Promise<void> {
    const { current, fault } = this.#revisions;
    let error = fault;
    try {
      const text = await this.changedFile();
      if (text !== undefined) {
        await this.#importAtStart(text);
        return;
      }
    } catch (refused) {
      // A file that went away or was spoilt must not keep a sensor down that knows a good configuration.
      if (current === undefined) throw refused;
      error = describeError(refused);
    }
    if (current === undefined) await this.#importAtStart(await readConfigText(this.#path));
    else this.accept(await this.prepare(current.document, `Revision ${String(current.number)}`), current);
    this.#state = { ...this.#state, lastError: error };
  }

  /** The file's text when it differs from what was last imported. @throws BulkheadError SENSORD_CONFIG_UNREADABLE */
  async changedFile(): Promise<string | undefined> {
    const text = normaliseDocument(await readConfigText(this.#path));
    return textDigest(text) === (await this.#revisions.imported()) ? undefined : text;
  }

  /**
   * Validates a document and looks up its packages, anew from disk. Changes nothing.
   * @throws BulkheadError SENSORD_CONFIG_INVALID
   */
  async prepare(document: string, from: string): Promise<Prepared> {
    const config = parseSensorConfig(document, from);
    const library = await this.#loadLibrary(config.instruments.map((instrument) => instrument.package));
    const desired = keepKnown(
      desiredState(config, (name) => findPackage(library, name)),
      this.#inUse?.desired,
    );
    return { document, config, desired, versions: versionsOf(library) };
  }

  /** From now on the reconciler works towards this; what is shown as in force stays. */
  use(next: Prepared, trying: number | undefined): void {
    this.#inUse = next;
    this.#state = { ...this.#state, trying };
  }

  /** This is in force: its revision was committed. @returns whether what is desired changed. */
  accept(next: Prepared, revision: Revision): boolean {
    const digest = digestOf(next.desired);
    const changed = digest !== this.#state.digest;
    this.#inUse = next;
    const { number, author, reason, time } = revision;
    this.#state = {
      path: this.#path,
      digest,
      loadedAt: new Date(),
      revision: { number, author, reason, time },
      trying: undefined,
      lastError: undefined,
    };
    return changed;
  }

  /** A newer configuration was refused or rolled back; what is in force stays. */
  refused(error: unknown): void {
    this.#state = { ...this.#state, lastError: describeError(error) };
  }

  async #importAtStart(text: string): Promise<void> {
    const document = normaliseDocument(text);
    const next = await this.prepare(document, this.#path);
    const { number } = await this.#revisions.begin({
      document,
      digest: digestOf(next.config),
      author: 'file',
      reason: `read from ${this.#path} at the start`.slice(0, 250),
      origin: 'file',
      ...(this.#revisions.current === undefined ? {} : { basedOn: this.#revisions.current.number }),
    });
    await this.#revisions.commit(number);
    await this.#revisions.noteImported(textDigest(document));
    this.accept(next, this.#revisions.get(number).revision);
  }
}

/** Instruments with a problem go on as they were known before. */
function keepKnown(next: DesiredState, before: DesiredState | undefined): DesiredState {
  const known = (before?.instruments ?? []).filter(({ name }) =>
    next.problems.some(({ instrument }) => instrument === name),
  );
  return { ...next, instruments: [...next.instruments, ...known] };
}

function versionsOf(library: Library): Record<string, string> {
  const versions: Record<string, string> = {};
  for (const [name, found] of library) {
    if (found instanceof BulkheadError) continue;
    versions[`package ${name}`] = found.manifest.version;
    if (found.toolVersion !== undefined) versions[name] = found.toolVersion;
  }
  return versions;
}
