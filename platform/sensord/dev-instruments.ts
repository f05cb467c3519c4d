import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { GrantsSchema, NameSchema, RESERVED_NAMES, type InstrumentConfig } from '../contracts/index.ts';
import {
  BulkheadError,
  describeError,
  hasCode,
  writeFileAtomic,
  type Logger,
  type Site,
} from '../kernel/index.ts';
import { desiredInstrument, type AvailablePackage, type DesiredState } from './desired.ts';
import type { DevOverlay } from './dev-overlay.ts';

/** What `bulkhead dev run` asks for. */
export const DevRequestSchema = z.strictObject({
  name: NameSchema.refine((name) => !RESERVED_NAMES.includes(name), 'is reserved for the platform'),
  /** Folder with the built app and its manifest, on this machine. */
  dir: z.string().startsWith('/').max(4096),
  interfaces: z.record(z.string().max(10), NameSchema).default({}),
  grants: GrantsSchema.prefault({}),
});
export type DevRequest = z.output<typeof DevRequestSchema>;

/** What running an unverified instrument needs. */
export interface DevInstrumentsParts {
  site: Site;
  log: Logger;
  overlay: DevOverlay;
  /** The configuration in force, without the overlay. */
  configured: () => DesiredState;
  load: (dir: string) => Promise<AvailablePackage>;
  release: (name: string) => void;
  /** Brings what is to what should be. */
  settle: () => Promise<void>;
  destroyVolume: (name: string) => Promise<void>;
}

/** At most this many at a time: each is a container. */
const MOST = 8;

/**
 * Instruments of developers: in memory only, with a volume that goes with them.
 *
 * INVARIANTS: changes run one after another; a name is on disk before its volume is made, so that a volume that a killed
 * sensord left is destroyed at the next start; an instrument of the configuration is never touched.
 */
export class DevInstruments {
  readonly #parts: DevInstrumentsParts;
  readonly #record: string;
  #last: Promise<unknown> = Promise.resolve();

  constructor(parts: DevInstrumentsParts) {
    this.#parts = parts;
    this.#record = join(parts.site.stateDir, 'dev-instruments.json');
  }

  /**
   * Runs an instrument, or what changed of one that runs.
   * @throws BulkheadError SENSORD_DEV_REFUSED, and what is wrong with the package
   */
  run(request: DevRequest): Promise<{ name: string; version: string }> {
    return this.#inTurn(async () => {
      const { overlay, configured } = this.#parts;
      const desired = configured();
      const { name } = request;
      this.#refuseTaken(desired, name);
      const unknown = Object.values(request.interfaces).find(
        (monitor) => !desired.monitors.some((one) => one.name === monitor),
      );
      if (unknown !== undefined) throw refused(name, `there is no monitor interface ${unknown}`);
      const from = await this.#parts.load(request.dir);
      const inPath = from.manifest.asks.interfaces.find(({ kind }) => kind.startsWith('capture-'));
      if (inPath !== undefined) {
        throw refused(
          name,
          `its interface ${inPath.name} would stand in the path of the sensor's own traffic`,
        );
      }
      const instrument = desiredInstrument(
        // A trial gets no way out; only a configuration gives one.
        { sensor: { name: desired.sensor }, activeInterfaces: [] },
        configOf(request, from.manifest.name),
        from,
        new Map(desired.instruments.map((one) => [one.name, one.packageName])),
      );
      if (!overlay.has(name)) await this.#write([...(await this.#read()), name]);
      overlay.set(instrument);
      this.#parts.release(name);
      await this.#parts.settle();
      return { name, version: from.manifest.version };
    });
  }

  /** Ends an instrument and destroys its volume. Nothing happens when there is none. */
  end(name: string): Promise<void> {
    return this.#inTurn(async () => {
      if (!this.#parts.overlay.delete(name)) return;
      await this.#parts.settle();
      await this.#forget(name);
    });
  }

  /**
   * Destroys what an earlier sensord left. Call when instruments that are not in the configuration were removed. Developers are
   * heard before that: what one runs by then stays.
   */
  sweep(): Promise<void> {
    return this.#inTurn(async () => {
      for (const name of await this.#read()) if (!this.#parts.overlay.has(name)) await this.#forget(name);
    });
  }

  async #forget(name: string): Promise<void> {
    try {
      // An operator may have put an instrument of this name into the configuration meanwhile: then the volume is its own.
      if (!this.#isConfigured(name)) await this.#parts.destroyVolume(name);
      await this.#write((await this.#read()).filter((other) => other !== name));
    } catch (error) {
      const text = `the volume of ${name} could not be destroyed; it is tried again: ${describeError(error)}`;
      this.#parts.log.error({ err: error, instrument: name }, text);
    }
  }

  #refuseTaken(desired: DesiredState, name: string): void {
    if (this.#isConfigured(name)) throw refused(name, 'an instrument of the configuration has this name');
    const { overlay } = this.#parts;
    if (!overlay.has(name) && overlay.names.length >= MOST) {
      throw refused(name, `${String(MOST)} unverified instruments run already`);
    }
    if (!overlay.has(name) && desired.instruments.length + overlay.names.length >= 64) {
      throw refused(name, 'the sensor has as many instruments as it can have');
    }
  }

  #isConfigured(name: string): boolean {
    const { instruments, problems } = this.#parts.configured();
    return (
      instruments.some((one) => one.name === name) || problems.some(({ instrument }) => instrument === name)
    );
  }

  async #read(): Promise<string[]> {
    try {
      return z
        .array(NameSchema)
        .max(1000)
        .parse(JSON.parse(await readFile(this.#record, 'utf8')));
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return [];
      this.#parts.log.warn({ err: error }, `${this.#record} cannot be read and is made anew`);
      return [];
    }
  }

  async #write(names: readonly string[]): Promise<void> {
    await writeFileAtomic(this.#record, `${JSON.stringify([...new Set(names)])}\n`, 0o600);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => undefined);
    return result;
  }
}

function configOf(request: DevRequest, packageName: string): InstrumentConfig {
  const { name, interfaces, grants } = request;
  return {
    name,
    package: packageName,
    enabled: true,
    interfaces,
    active: {},
    grants,
    options: {},
    resources: {},
    limits: {},
  };
}

function refused(name: string, why: string): BulkheadError {
  return new BulkheadError({
    code: 'SENSORD_DEV_REFUSED',
    message: `${name} is not run: ${why}.`,
    hint: 'Choose another name with --name, or correct what is said.',
    fields: { instrument: name },
  });
}
