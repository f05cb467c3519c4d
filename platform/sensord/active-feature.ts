import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { HostSchema, type ActivePortReport, type ActiveReport } from '../contracts/index.ts';
import { BulkheadError, describeError, parseStrict } from '../kernel/index.ts';
import {
  isName,
  isNotPublic,
  NameResolver,
  unresolved,
  type Destination,
  type ResolvedAddress,
} from '../network/index.ts';
import { digestOf, type DesiredInstrument } from './desired.ts';
import { egressOf, nameRight } from './egress.ts';
import type { Feature, FeatureContext } from './feature.ts';
import { RefusedEgress } from './refused-egress.ts';

/** A right that was taken away is gone within this and the time that one change of the rules takes. */
const LOOK_MS = 250;
/** Also addresses of this machine change; destinations are put in force again this often at least. */
const RENEW_MS = 30_000;
const REFRESH_MS = 1_000;
const REPORT_MS = 5_000;

const QuestionSchema = z.strictObject({ name: HostSchema });

/** What is in force on one active interface. */
interface InForce {
  digest: string;
  made: number;
  names: number;
  atMs: number;
}

/**
 * Keeps what instruments may reach through their active interfaces as it is granted, resolves names for them, and tells what
 * they were refused.
 *
 * INVARIANTS: destinations are put in force one after another (`#alone`), each time from what is granted at that moment; a name
 * is answered only after its addresses are in force for whoever asked.
 */
class ActiveInterfaces implements Feature {
  readonly name = 'active interfaces';
  readonly #context: FeatureContext;
  readonly #resolver: NameResolver;
  readonly #refused: RefusedEgress;
  readonly #inForce = new Map<string, InForce>();
  readonly #faults = new Map<string, string>();
  #saved = 0;
  #tail: Promise<unknown> = Promise.resolve();
  #timers: NodeJS.Timeout[] = [];
  #stopServing: (() => void) | undefined;

  constructor(context: FeatureContext) {
    this.#context = context;
    this.#refused = new RefusedEgress((record) => {
      context.publish('egress.refused', record);
    });
    this.#resolver = new NameResolver({
      servers: () => context.configuration.inUse.config.dns.servers,
      file: join(context.site.runDir, 'active-names.json'),
      log: context.log,
    });
  }

  routes(app: FastifyInstance): void {
    app.get('/v1/active', async (): Promise<ActiveReport> => ({ ports: await this.#ports() }));
  }

  async start(): Promise<void> {
    await this.#resolver.load();
    this.#stopServing = this.#context.rooms.bus.serve('resolve', (instrument, payload) =>
      this.#resolve(instrument, payload),
    );
    this.#every(LOOK_MS, () => this.#alone(() => this.#look()));
    this.#every(REFRESH_MS, () => this.#refresh());
    this.#every(REPORT_MS, async () => {
      this.#refused.take(await this.#ports());
    });
  }

  async stop(): Promise<void> {
    this.#stopServing?.();
    for (const timer of this.#timers) clearInterval(timer);
    await this.#tail;
  }

  attention(): string[] {
    return [...this.#faults].map(
      ([port, fault]) => `the destinations of ${port} could not be put in force: ${fault}`,
    );
  }

  /** The addresses of a granted name; they can be reached when this returns. */
  async #resolve(instrument: string, payload: unknown): Promise<{ addresses: ResolvedAddress[] }> {
    const { name } = parseStrict(QuestionSchema, payload, 'NETWORK_NAME_REFUSED', 'The question');
    const wanted = this.#instruments().find((one) => one.name === instrument);
    const right = nameRight(wanted === undefined ? [] : this.#destinations(wanted), name);
    if (wanted === undefined || !right.allowed) {
      throw new BulkheadError({
        code: 'NETWORK_NAME_REFUSED',
        message: `${instrument} may not resolve ${name}: it is none of its destinations.`,
        hint: 'Grant it the name as an egress destination.',
        fields: { instrument, name },
      });
    }
    const before = this.#resolver.version;
    const found = await this.#resolver.resolve(name);
    const addresses = found.filter(({ address }) => right.privateAddresses || !isNotPublic(address));
    if (addresses.length === 0) throw unresolved(name, 'it has only addresses that are not public');
    const isKnown =
      before === this.#resolver.version && wanted.active.every((port) => this.#stands(wanted, port.name));
    if (!isKnown) await this.#alone(() => this.#bring(wanted));
    return { addresses };
  }

  async #look(): Promise<void> {
    const instruments = this.#instruments();
    const wanted = new Set(
      instruments.flatMap(({ name, active }) => active.map((port) => `${name}/${port.name}`)),
    );
    for (const key of this.#faults.keys()) if (!wanted.has(key)) this.#faults.delete(key);
    for (const instrument of instruments) await this.#bring(instrument);
    if (this.#saved === this.#resolver.version) return;
    this.#saved = this.#resolver.version;
    await this.#resolver.save();
  }

  /** Not in the queue of changes: a DNS server that is silent must not hold up a right that is taken away. */
  async #refresh(): Promise<void> {
    const names = new Set(this.#instruments().flatMap((one) => this.#destinations(one).map(({ to }) => to)));
    await this.#resolver.refresh((name) => names.has(name) || names.has('any'));
  }

  /** Puts an instrument's destinations in force where they are not. */
  async #bring(instrument: DesiredInstrument): Promise<void> {
    const destinations = this.#destinations(instrument);
    for (const { name: port } of instrument.active) {
      if (this.#stands(instrument, port)) continue;
      const key = `${instrument.name}/${port}`;
      const name = { instrument: instrument.name, port };
      const now: InForce = {
        digest: digestOf(destinations),
        made: this.#context.rooms.network.madeActivePort(name),
        names: this.#resolver.version,
        atMs: performance.now(),
      };
      try {
        const isThere = await this.#context.rooms.network.allowDestinations(name, destinations, (host) =>
          this.#resolver.addressesOf(host),
        );
        this.#faults.delete(key);
        if (isThere) this.#inForce.set(key, now);
      } catch (error) {
        if (this.#faults.get(key) !== describeError(error))
          this.#context.log.error({ err: error, ...name }, 'destinations could not be put in force');
        this.#faults.set(key, describeError(error));
      }
    }
  }

  #stands(instrument: DesiredInstrument, port: string): boolean {
    const known = this.#inForce.get(`${instrument.name}/${port}`);
    return (
      known?.digest === digestOf(this.#destinations(instrument)) &&
      known.made === this.#context.rooms.network.madeActivePort({ instrument: instrument.name, port }) &&
      known.names === this.#resolver.version &&
      performance.now() - known.atMs < RENEW_MS
    );
  }

  #instruments(): DesiredInstrument[] {
    return this.#context.sensor.desired.instruments.filter(
      ({ enabled, active }) => enabled && active.length > 0,
    );
  }

  #destinations(instrument: DesiredInstrument): Destination[] {
    const { configuration, sensor } = this.#context;
    const { proxy } = configuration.inUse.config.downloads;
    return egressOf({ instruments: sensor.desired.instruments, proxy }, instrument);
  }

  async #ports(): Promise<ActivePortReport[]> {
    const desired = new Map(this.#instruments().map((one) => [one.name, one]));
    const standing = await this.#context.rooms.network.activePorts();
    return standing.map(({ hostEnd: _, allowed: __, ...port }) => {
      const instrument = desired.get(port.instrument);
      const destinations = instrument === undefined ? [] : this.#destinations(instrument);
      return {
        ...port,
        destinations: destinations.map((one) =>
          isName(one.to) ? { ...one, addresses: this.#resolver.addressesOf(one.to) } : one,
        ),
      };
    });
  }

  #every(ms: number, work: () => Promise<void>): void {
    let busy = false;
    const timer = setInterval(() => {
      if (busy) return;
      busy = true;
      void work()
        .catch((error: unknown) => {
          this.#context.log.error({ err: error }, 'active interfaces could not be looked after');
        })
        .finally(() => {
          busy = false;
        });
    }, ms);
    this.#timers.push(timer);
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(work, work);
    this.#tail = result.catch(() => undefined);
    return result;
  }
}

/** What instruments reach, and what they were refused. */
export function activeInterfaces(context: FeatureContext): Feature {
  return new ActiveInterfaces(context);
}
