import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FeedStatus, MonitorInterfaceConfig } from '../contracts/index.ts';
import { describeError, writeFileAtomic } from '../kernel/index.ts';
import {
  FeedBaselineSchema,
  FeedCheck,
  FeedReplySchema,
  type FeedBaseline,
  type FeedObservation,
} from '../health/index.ts';
import type { Feature, FeatureContext } from './feature.ts';
import type { MonitorLedger } from './rooms.ts';

const LOOK_MS = 5_000;
const ASK_TIMEOUT_MS = 2_000;
/** What is usual is written down this often, and at the end. */
const KEEP_MS = 300_000;
const OFF: FeedStatus = Object.freeze({ state: 'off', alarms: [] });

/** Which capture engine observes a monitor interface, and on which of its interfaces. */
interface Observer {
  instrument: string;
  port: string;
}

type FeedContext = Pick<FeatureContext, 'site' | 'log' | 'rooms' | 'configuration' | 'publish'>;

/**
 * One feed check per monitor interface: joins the ledger's counters with what the capture engine observed.
 *
 * INVARIANTS: one round of looks at a time; after `stop` nothing is asked, published or written.
 */
export class FeedChecks implements Feature {
  readonly name = 'feed checks';
  readonly #context: FeedContext;
  readonly #checks = new Map<string, { digest: string; check: FeedCheck }>();
  #timer: NodeJS.Timeout | undefined;
  #round: Promise<void> = Promise.resolve();
  #keptMs = performance.now();

  constructor(context: FeedContext) {
    this.#context = context;
  }

  start(): Promise<void> {
    this.#timer = setInterval(() => {
      this.#round = this.#round.then(() => this.#look());
    }, LOOK_MS);
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#round;
    await this.#keep();
  }

  attention(): string[] {
    return [...this.#checks.values()].flatMap(({ check }) => check.status.alarms.map(({ text }) => text));
  }

  monitor(name: string): { feed: FeedStatus } {
    return { feed: this.#checks.get(name)?.check.status ?? OFF };
  }

  async #look(): Promise<void> {
    try {
      await this.#refresh();
      if (this.#checks.size === 0) return;
      const { monitors } = await this.#context.rooms.network.ledger();
      for (const [name, { check }] of this.#checks) {
        const ledger = monitors.find(({ monitor }) => monitor === name);
        if (ledger !== undefined) check.look(await this.#observe(name, ledger));
      }
      if (performance.now() - this.#keptMs >= KEEP_MS) await this.#keep();
    } catch (error) {
      this.#context.log.warn({ err: error }, `the feed could not be looked at: ${describeError(error)}`);
    }
  }

  /** Follows the configuration; a check whose settings changed begins anew with what it had learned. */
  async #refresh(): Promise<void> {
    const wanted = this.#context.configuration.inUse.config.monitorInterfaces.filter(
      ({ feed }) => feed.enabled,
    );
    for (const [name, { check }] of this.#checks) {
      if (wanted.some((monitor) => monitor.name === name)) continue;
      await this.#write(name, check.baseline);
      this.#checks.delete(name);
    }
    for (const monitor of wanted) {
      const digest = JSON.stringify([monitor.device, monitor.feed]);
      const known = this.#checks.get(monitor.name);
      if (known?.digest === digest) continue;
      const baseline = known?.check.baseline ?? (await this.#read(monitor.name));
      this.#checks.set(monitor.name, { digest, check: this.#open(monitor, baseline) });
    }
  }

  #open({ name, device, feed }: MonitorInterfaceConfig, baseline: FeedBaseline | undefined): FeedCheck {
    const { publish, log } = this.#context;
    return new FeedCheck({
      monitor: name,
      device,
      settings: feed,
      baseline,
      publish: (type, record) => {
        log.warn({ monitor: name, kind: record['kind'], observed: record['observed'] }, type);
        publish(type, record);
      },
    });
  }

  async #observe(monitor: string, ledger: MonitorLedger): Promise<FeedObservation> {
    const seen = { packets: ledger.nic.rxPackets };
    const observer = this.#observerOf(monitor);
    if (observer === undefined)
      return { ...seen, atMs: performance.now(), unobserved: 'there is no capture engine' };
    try {
      const answer = await this.#context.rooms.bus.send(observer.instrument, 'feed', {}, ASK_TIMEOUT_MS, {
        routine: true,
      });
      if (!answer.ok) return { ...seen, atMs: performance.now(), unobserved: answer.message };
      const { reports, fault } = FeedReplySchema.parse(answer.result);
      const report = reports.find((one) => one.interface === observer.port);
      return { ...seen, atMs: performance.now(), report, unobserved: fault };
    } catch (error) {
      return { ...seen, atMs: performance.now(), unobserved: describeError(error).slice(0, 500) };
    }
  }

  #observerOf(monitor: string): Observer | undefined {
    for (const { name, enabled, ports } of this.#context.configuration.desired.instruments) {
      const port = ports.find((one) => one.kind === 'capture-in' && one.monitor === monitor);
      if (enabled && port !== undefined) return { instrument: name, port: port.name };
    }
    return undefined;
  }

  async #keep(): Promise<void> {
    this.#keptMs = performance.now();
    for (const [name, { check }] of this.#checks) {
      await this.#write(name, check.baseline).catch((error: unknown) => {
        this.#context.log.warn(
          { err: error, monitor: name },
          'what is usual on the feed could not be written down',
        );
      });
    }
  }

  async #read(monitor: string): Promise<FeedBaseline | undefined> {
    const text = await readFile(this.#file(monitor), 'utf8').catch(() => undefined);
    if (text === undefined) return undefined;
    try {
      return FeedBaselineSchema.parse(JSON.parse(text));
    } catch (error) {
      this.#context.log.warn(
        { err: error, monitor },
        'what was usual on the feed cannot be read; it is learned anew',
      );
      return undefined;
    }
  }

  async #write(monitor: string, baseline: Readonly<FeedBaseline>): Promise<void> {
    await writeFileAtomic(this.#file(monitor), JSON.stringify(baseline));
  }

  #file(monitor: string): string {
    return join(this.#context.site.stateDir, 'feed', `${monitor}.json`);
  }
}

/** What the traffic of each monitor interface looks like, and alarms when it is not as it was. */
export function feedChecks(context: FeatureContext): Feature {
  return new FeedChecks(context);
}
