import { readFileSync } from 'node:fs';
import { fromSeed } from '@nats-io/nkeys';
import { z } from 'zod';
import { BulkheadError, parseStrict, writeFileAtomic } from '../kernel/index.ts';
import type { AccountKeys } from './accounts.ts';
import { userSeed } from './nkey-seed.ts';

/** What a client of the bus proves itself with. The seed is a secret: it goes to a 0400 file in memory-backed storage. */
export interface BusIdentity {
  publicKey: string;
  seed: string;
}

const FileSchema = z.strictObject({
  version: z.literal(1),
  instruments: z.record(
    z.string().max(64),
    z.strictObject({ generation: z.int().min(0).max(1_000_000), alive: z.boolean() }),
  ),
});
type Known = z.output<typeof FileSchema>['instruments'];

/** Generations of an instrument's key that are recognised when a dead one is tried; computing a key takes milliseconds. */
const KNOWN_GENERATIONS = 4;

/**
 * Who may connect. Keys are derived, `secret('bus/identity/<name>/<generation>')`; only the generations are kept.
 *
 * INVARIANTS: a generation never goes back; when an instrument leaves, its next generation is on disk before the
 * server is told, so that a copy of the old key is dead for good, also for a later instrument of the same name.
 */
export class Identities {
  readonly #file: string;
  readonly #secret: (purpose: string) => Buffer;
  readonly #publicKeys = new Map<string, string>();
  #known: Known;

  /**
   * Reads the generations.
   * @throws BulkheadError BUS_IDENTITIES_INVALID when the file is damaged
   */
  constructor(file: string, secret: (purpose: string) => Buffer) {
    this.#file = file;
    this.#secret = secret;
    this.#known = read(file);
  }

  /** The current identity of an instrument. */
  instrument(name: string): BusIdentity {
    return this.#derive(`${name}/${String(this.#known[name]?.generation ?? 0)}`);
  }

  /** The platform's own users; `@` keeps them apart from instruments. */
  internal(user: 'platform' | 'system' | 'uplink' | 'leaf'): BusIdentity {
    return this.#derive(`@${user}/0`);
  }

  /** Public keys of the platform's users and of these instruments. */
  publicKeys(names: readonly string[]): AccountKeys {
    return {
      system: this.internal('system').publicKey,
      platform: this.internal('platform').publicKey,
      instruments: Object.fromEntries(names.map((name) => [name, this.instrument(name).publicKey])),
    };
  }

  /** Whose key this is, or was within its last generations; undefined for a key that we did not make. */
  ownerOf(publicKey: string): string | undefined {
    for (const [name, { generation }] of Object.entries(this.#known)) {
      for (let older = generation; older >= 0 && older > generation - KNOWN_GENERATIONS; older -= 1) {
        if (this.#derive(`${name}/${String(older)}`).publicKey === publicKey) return name;
      }
    }
    return undefined;
  }

  /** Remembers who is there now; whoever left gets a new generation. */
  async keepOnly(names: readonly string[]): Promise<void> {
    const present = new Set(names);
    const next: Known = {};
    for (const [name, entry] of Object.entries(this.#known)) {
      const left = entry.alive && !present.has(name);
      next[name] = left
        ? { generation: entry.generation + 1, alive: false }
        : { ...entry, alive: present.has(name) };
    }
    for (const name of names) next[name] ??= { generation: 0, alive: true };
    if (JSON.stringify(next) === JSON.stringify(this.#known)) return;
    await writeFileAtomic(this.#file, `${JSON.stringify({ version: 1, instruments: next }, null, 2)}\n`);
    this.#known = next;
  }

  #derive(key: string): BusIdentity {
    const seed = userSeed(this.#secret(`bus/identity/${key}`));
    // Computing a public key takes milliseconds, and every change of the model needs all of them.
    const publicKey = this.#publicKeys.get(seed) ?? fromSeed(Buffer.from(seed)).getPublicKey();
    this.#publicKeys.set(seed, publicKey);
    return { publicKey, seed };
  }
}

function read(file: string): Known {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error;
  }
  try {
    return { ...parseStrict(FileSchema, JSON.parse(text), 'BUS_IDENTITIES_INVALID', file).instruments };
  } catch (cause) {
    throw new BulkheadError({
      code: 'BUS_IDENTITIES_INVALID',
      message: `${file} is damaged: the generations of the instruments' keys are not known.`,
      hint: 'Restore the file from a backup. Without it, keys of deleted instruments could become valid again.',
      fields: { path: file },
      cause,
    });
  }
}
