import type { SensorConfig } from '../contracts/index.ts';
import { BulkheadError, describeError } from '../kernel/index.ts';
import { loadSensorConfig } from './config-file.ts';
import { desiredState, digestOf, type DesiredState } from './desired.ts';
import { findPackage, type Library } from './library.ts';

/** The configuration in force and what went wrong when a newer one was tried. */
export interface ConfigurationState {
  path: string;
  digest: string;
  loadedAt: Date;
  lastError: string | undefined;
}

/**
 * Holds the configuration in force. A new one replaces it whole or not at all; an instrument whose package cannot be
 * had keeps the shape that it had, so that a fault in one package blinds nobody.
 *
 * INVARIANTS: `desired` never changes half-way through a `load`; concurrent loads must be avoided by the caller.
 */
export class Configuration {
  readonly #path: string;
  readonly #loadLibrary: (names: Iterable<string>) => Promise<Library>;
  #desired: DesiredState | undefined;
  #state: ConfigurationState;
  #versions: Record<string, string> = {};

  constructor(path: string, load: (names: Iterable<string>) => Promise<Library>) {
    this.#path = path;
    this.#loadLibrary = load;
    this.#state = { path, digest: '', loadedAt: new Date(0), lastError: undefined };
  }

  /** Versions of packages, and of the tools in their images. */
  get versions(): Record<string, string> {
    return this.#versions;
  }

  get state(): ConfigurationState {
    return this.#state;
  }

  /** What the sensor should be. @throws Error before the first successful `load`. */
  get desired(): DesiredState {
    if (this.#desired === undefined) throw new Error('no configuration was loaded yet');
    return this.#desired;
  }

  /**
   * Reads the file again. @returns whether what is desired changed.
   * @throws BulkheadError SENSORD_CONFIG_*; what is in force stays in force.
   */
  async load(): Promise<{ changed: boolean }> {
    let config: SensorConfig;
    try {
      config = await loadSensorConfig(this.#path);
    } catch (error) {
      this.#state = { ...this.#state, lastError: describeError(error) };
      throw error;
    }
    const library = await this.#loadLibrary(config.instruments.map((instrument) => instrument.package));
    const next = keepKnown(
      desiredState(config, (name) => findPackage(library, name)),
      this.#desired,
    );
    const digest = digestOf(next);
    const changed = digest !== this.#state.digest;
    this.#desired = next;
    this.#versions = versionsOf(library);
    this.#state = { path: this.#path, digest, loadedAt: new Date(), lastError: undefined };
    return { changed };
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
