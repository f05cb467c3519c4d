import { Resolver } from 'node:dns/promises';
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import {
  BulkheadError,
  describeError,
  parseStrict,
  writeFileAtomic,
  type Logger,
} from '../../kernel/index.ts';
import { isNever } from './ranges.ts';

/** However short the TTL, an answer holds this long; however long, no longer. */
const TTL_S = { least: 30, most: 3_600 };
/** An address that a name no longer has stays reachable, so that connections that stand end by themselves. */
const GRACE_MS = 600_000;
/** A name that nobody asked for within this time is not renewed. */
const IN_USE_MS = 3_600_000;
/** Renewed this long before it runs out. */
const AHEAD_MS = 10_000;
const MOST_ADDRESSES = 64;
const MOST_NAMES = 2_048;

const KnownSchema = z.record(
  z.string().max(253),
  z.strictObject({
    freshUntilMs: z.number(),
    askedMs: z.number(),
    addresses: z.record(z.ipv4(), z.number()),
  }),
);
type Known = z.output<typeof KnownSchema>[string];

/** One address of a name, and how long it holds. */
export interface ResolvedAddress {
  address: string;
  ttlS: number;
}

export interface ResolverInit {
  /** DNS servers, with a port where it is not 53; empty = those of the machine. Asked before each question. */
  servers: () => readonly string[];
  /** Where answers are kept, so that a restart does not take them away. Memory-backed. */
  file: string;
  log: Logger;
  /** Milliseconds since 1970. */
  now?: () => number;
}

/**
 * Resolves names for instruments, which have no DNS of their own.
 *
 * INVARIANTS: one question for each name at a time. An address is believed until its answer ran out and ten minutes more; at
 * most 64 for each name, the longest-lived. Loopback, multicast and the like are never an answer. Times are this machine's.
 */
export class NameResolver {
  readonly #init: ResolverInit;
  readonly #now: () => number;
  readonly #known = new Map<string, Known>();
  readonly #asking = new Map<string, Promise<void>>();
  /** Goes up whenever an address appears or goes. */
  version = 0;

  constructor(init: ResolverInit) {
    this.#init = init;
    this.#now = init.now ?? Date.now;
  }

  /** Takes up what a former process knew; a file that does not fit is forgotten. */
  async load(): Promise<void> {
    const text = await readFile(this.#init.file, 'utf8').catch(() => undefined);
    if (text === undefined) return;
    try {
      const known = parseStrict(KnownSchema, JSON.parse(text), 'NETWORK_NAME_UNRESOLVED', this.#init.file);
      for (const [name, one] of Object.entries(known))
        this.#known.set(name, { ...one, addresses: { ...one.addresses } });
      this.version += 1;
    } catch (error) {
      this.#init.log.warn({ err: error }, 'the kept answers of DNS cannot be read; names are resolved anew');
    }
  }

  /**
   * The addresses of a name now, asked for when they are not known.
   * @throws BulkheadError NETWORK_NAME_UNRESOLVED
   */
  async resolve(name: string): Promise<ResolvedAddress[]> {
    const known = this.#known.get(name);
    if (known !== undefined) known.askedMs = this.#now();
    if (known === undefined || known.freshUntilMs <= this.#now()) await this.#ask(name);
    const now = this.#now();
    const answers = Object.entries(this.#known.get(name)?.addresses ?? {}).filter(
      ([, untilMs]) => untilMs > now,
    );
    // Of the newest answer; while no server gives another, that is better than nothing.
    const newest = Math.max(...answers.map(([, untilMs]) => untilMs));
    return answers
      .filter(([, untilMs]) => untilMs === newest)
      .map(([address, untilMs]) => ({
        address,
        ttlS: Math.max(5, Math.floor((untilMs - GRACE_MS - now) / 1000)),
      }));
  }

  /** All addresses that a name is believed to have, also those of earlier answers. */
  addressesOf(name: string): string[] {
    const now = this.#now();
    return Object.entries(this.#known.get(name)?.addresses ?? {})
      .filter(([, untilMs]) => untilMs > now)
      .map(([address]) => address);
  }

  /** Renews what is in use and runs out soon, and forgets what ran out. */
  async refresh(isWanted: (name: string) => boolean): Promise<void> {
    const now = this.#now();
    for (const [name, known] of [...this.#known]) {
      const kept = Object.entries(known.addresses).filter(([, untilMs]) => untilMs > now);
      const isLess = kept.length < Object.keys(known.addresses).length;
      known.addresses = Object.fromEntries(kept);
      if (isLess) this.version += 1;
      if (!isWanted(name)) {
        this.#known.delete(name);
        this.version += 1;
      } else if (Object.keys(known.addresses).length === 0 && known.askedMs + IN_USE_MS < now) {
        this.#known.delete(name);
      }
    }
    const due = [...this.#known].filter(
      ([, { freshUntilMs, askedMs }]) => freshUntilMs - AHEAD_MS < now && askedMs + IN_USE_MS > now,
    );
    await Promise.all(
      due.slice(0, 16).map(([name]) =>
        this.#ask(name).catch((error: unknown) => {
          this.#init.log.debug({ name, reason: describeError(error) }, 'a name could not be resolved again');
        }),
      ),
    );
  }

  /** Keeps what is known for the next process. */
  async save(): Promise<void> {
    await writeFileAtomic(this.#init.file, JSON.stringify(Object.fromEntries(this.#known)));
  }

  async #ask(name: string): Promise<void> {
    const asking =
      this.#asking.get(name) ??
      this.#question(name).finally(() => {
        this.#asking.delete(name);
      });
    this.#asking.set(name, asking);
    await asking;
  }

  async #question(name: string): Promise<void> {
    const resolver = new Resolver({ timeout: 2_000, tries: 2 });
    const servers = this.#init.servers();
    if (servers.length > 0) resolver.setServers(servers);
    const known = this.#known.get(name);
    let answers: { address: string; ttl: number }[];
    try {
      answers = await resolver.resolve4(name, { ttl: true });
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
      if (known !== undefined && this.addressesOf(name).length > 0) {
        known.freshUntilMs = this.#now() + TTL_S.least * 1000; // not again at once
        return;
      }
      throw unresolved(name, code === 'ENOTFOUND' || code === 'ENODATA' ? 'it has no IPv4 address' : code);
    }
    const now = this.#now();
    const usable = answers.filter(({ address }) => !isNever(address)).slice(0, MOST_ADDRESSES);
    const ttls = usable.map(({ ttl }) => Math.min(TTL_S.most, Math.max(TTL_S.least, ttl)));
    const freshUntilMs = now + Math.min(...ttls, TTL_S.most) * 1000;
    const before = known?.addresses ?? {};
    const fresh = Object.fromEntries(usable.map(({ address }) => [address, freshUntilMs + GRACE_MS]));
    const kept = Object.entries({ ...before, ...fresh })
      .filter(([, untilMs]) => untilMs > now)
      .sort(([, a], [, b]) => b - a)
      .slice(0, MOST_ADDRESSES);
    const addresses = Object.fromEntries(kept);
    if (Object.keys(addresses).sort().join() !== Object.keys(before).sort().join()) this.version += 1;
    this.#known.delete(name);
    this.#known.set(name, { freshUntilMs, askedMs: known?.askedMs ?? now, addresses });
    if (this.#known.size > MOST_NAMES) this.#known.delete(this.#known.keys().next().value ?? '');
    if (usable.length === 0) throw unresolved(name, 'its addresses are no destinations');
  }
}

/** @param why in words, or the code of node:dns */
export function unresolved(name: string, why: string): BulkheadError {
  return new BulkheadError({
    code: 'NETWORK_NAME_UNRESOLVED',
    message: `${name} cannot be resolved: ${why}.`,
    hint: 'Check the name and the DNS servers (`dns.servers`); private addresses need `privateAddresses` in the grant.',
    fields: { name },
  });
}
