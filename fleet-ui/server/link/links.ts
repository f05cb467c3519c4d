import { EventEmitter } from 'node:events';
import type { Duplex } from 'node:stream';
import { status } from '@grpc/grpc-js';
import type { LinkView, SensorStatusView } from '@bulkhead/fleet-api';
import { HardwareSchema, type Hardware } from '@bulkhead/platform/contracts';
import type { ConfigResult } from '@bulkhead/platform/contracts/fleet';
import { BulkheadError, type Logger } from '@bulkhead/platform/kernel';
import type { Answer } from './answer.ts';
import { collect, type Collected } from './collect.ts';
import { CLOCK_TOLERANCE_MS } from './clock.ts';
import { ConfigWaits, type ConfigOutcome, type DesiredConfiguration } from './config-waits.ts';
import type { LinkLimits } from './limits.ts';
import type { Refusal } from './refusal.ts';
import type { LinkListener, Question, SensorLink } from './sensor-link.ts';
import type { TunnelIdentity, TunnelTarget, Tunnels } from './tunnels.ts';

/** What a sensor said when it attached. */
export interface AttachFacts {
  serial: string;
  instance: string;
  address: string;
  version: string;
  protocol: number;
  configRevision: number;
  hardware: Hardware | undefined;
}

/** Somebody with or without a certificate was not let in. */
export interface RefusedAttach {
  sensor?: string | undefined;
  serial?: string | undefined;
  address: string;
  code: string;
  message: string;
}

/** Events of {@link Links}. */
export interface LinkEvents {
  attached: [sensor: string, facts: AttachFacts];
  detached: [sensor: string, reason: { code: string; message: string }];
  /** At most once a second for each sensor. `changed`: more than counters differ from the one before. */
  state: [sensor: string, status: SensorStatusView, changed: boolean];
  notice: [sensor: string, notice: Record<string, unknown>];
  /** Also for results that nobody waits for any more. */
  config: [sensor: string, outcome: ConfigOutcome];
  refused: [who: RefusedAttach];
}

/** A question with what is usual left out. */
export type Ask = Pick<Question, 'method' | 'path' | 'user' | 'roles'> &
  Partial<Pick<Question, 'body' | 'deadlineMs' | 'maxBytes' | 'signal'>>;

const ASK_MS = 30_000;
const STREAM_BYTES = 1 << 30;
const COLLECT_BYTES = 8 << 20;
const CONFIG_BYTES = 1 << 20;
const CONFIG_MS = 300_000;

/** What is remembered of a sensor whose link ended. */
interface Past {
  view: LinkView;
  status: SensorStatusView | undefined;
  statusAt: Date | undefined;
  statusUnreadable: boolean;
}

/**
 * All sensors that are, or were, attached.
 *
 * INVARIANTS: at most one link for each sensor. Nothing here waits for a sensor that is not there: questions to it fail at once.
 * `attached` and `detached` come in turns for each sensor. Listeners cannot harm a link: what they throw is logged.
 */
export class Links {
  readonly events = new EventEmitter<LinkEvents>();
  readonly #links = new Map<string, SensorLink>();
  readonly #past = new Map<string, Past>();
  readonly #limits: LinkLimits;
  readonly #log: Logger;
  readonly #configs = new ConfigWaits();
  #tunnels: Tunnels | undefined;
  readonly #cut: (sensor: string) => void;

  constructor(parts: { limits: LinkLimits; log: Logger; cut: (sensor: string) => void }) {
    this.#limits = parts.limits;
    this.#log = parts.log;
    this.#cut = parts.cut;
    this.events.setMaxListeners(50);
  }

  /** Once, before anybody attaches. */
  bind(tunnels: Tunnels): void {
    this.#tunnels = tunnels;
  }

  get count(): number {
    return this.#links.size;
  }

  attached(sensor: string): boolean {
    return this.#links.has(sensor);
  }

  link(sensor: string): SensorLink | undefined {
    return this.#links.get(sensor);
  }

  all(): Iterable<SensorLink> {
    return this.#links.values();
  }

  /** Everybody that is there, or was since fleetd started. */
  known(): ReadonlySet<string> {
    return new Set([...this.#links.keys(), ...this.#past.keys()]);
  }

  /** How a sensor is connected; undefined: it was not there since fleetd started. */
  view(sensor: string): LinkView | undefined {
    const link = this.#links.get(sensor);
    return link === undefined ? this.#past.get(sensor)?.view : this.#viewOf(link);
  }

  /** What the sensor said of itself last, also when it is not there any more. */
  state(sensor: string): Pick<Past, 'status' | 'statusAt' | 'statusUnreadable'> {
    return (
      this.#links.get(sensor) ??
      this.#past.get(sensor) ?? { status: undefined, statusAt: undefined, statusUnreadable: false }
    );
  }

  /**
   * Asks a sensor's own API. Iterate the answer, or cancel it.
   * @throws BulkheadError FLEET_LINKS_OFFLINE, FLEET_LINKS_ASK_TOO_LARGE and those of {@link SensorLink.ask}
   */
  async ask(sensor: string, ask: Ask): Promise<Answer> {
    const link = this.#present(sensor);
    if ((ask.body?.length ?? 0) + ask.path.length > this.#limits.messageBytes) {
      throw new BulkheadError({
        code: 'FLEET_LINKS_ASK_TOO_LARGE',
        message: `A question to a sensor may have ${String(this.#limits.messageBytes)} bytes.`,
        fields: { limitBytes: this.#limits.messageBytes },
      });
    }
    return link.ask({ deadlineMs: ASK_MS, maxBytes: STREAM_BYTES, ...ask });
  }

  /** The same, for answers that are small: everything at once, read as JSON where it is. */
  async collect(sensor: string, ask: Ask): Promise<Collected> {
    return collect(await this.ask(sensor, { maxBytes: COLLECT_BYTES, ...ask }));
  }

  /**
   * A connection to the page of an instrument.
   * @throws BulkheadError FLEET_LINKS_OFFLINE and those of {@link Tunnels.open}
   */
  async openTunnel(
    sensor: string,
    target: TunnelTarget,
    identity: TunnelIdentity,
    signal?: AbortSignal,
  ): Promise<Duplex> {
    if (this.#tunnels === undefined) throw offline(sensor);
    return this.#tunnels.open(this.#present(sensor), target, identity, signal);
  }

  /**
   * Sends the configuration that a sensor should have, and waits for what became of it. A result that comes after the time, or
   * after a new link, is told by the event `config`.
   * @throws BulkheadError FLEET_LINKS_OFFLINE, FLEET_LINKS_CONFIG_TOO_LARGE, FLEET_LINKS_BUSY, FLEET_LINKS_LOST,
   * FLEET_LINKS_CONFIG_TIMEOUT
   */
  async desire(sensor: string, desired: DesiredConfiguration, timeoutMs = CONFIG_MS): Promise<ConfigOutcome> {
    const link = this.#present(sensor);
    const configYaml = Buffer.from(desired.yaml);
    if (configYaml.length > CONFIG_BYTES) {
      throw new BulkheadError({
        code: 'FLEET_LINKS_CONFIG_TOO_LARGE',
        message: `The configuration has ${String(configYaml.length)} bytes; a sensor reads at most ${String(CONFIG_BYTES)}.`,
        fields: { sensor, limitBytes: CONFIG_BYTES },
      });
    }
    const { revision, author, reason } = desired;
    const sent = link.send(
      { $case: 'desiredConfig', value: { revision, configYaml, author, reason } },
      configYaml.length + 512,
    );
    if (!sent) {
      throw new BulkheadError({
        code: 'FLEET_LINKS_BUSY',
        message: `${sensor} has not taken yet what was sent to it before.`,
        fields: { sensor },
      });
    }
    return this.#configs.wait(sensor, revision, timeoutMs);
  }

  /** Tells a sensor to renew its certificate now. @returns false when it is not there */
  askRenewal(sensor: string): boolean {
    return this.#links.get(sensor)?.send({ $case: 'askRenewal', value: {} }) ?? false;
  }

  /** Ends the link of a sensor that may not be there any more, its tunnels and its connections, now. */
  revoke(sensor: string, message = 'The certificate of the sensor was revoked.'): void {
    this.end(sensor, { code: 'FLEET_LINKS_REVOKED', message, status: status.PERMISSION_DENIED });
    this.#tunnels?.endAll(sensor, message);
    this.#cut(sensor);
  }

  /** A sensor that was removed is not remembered. */
  forget(sensor: string): void {
    this.revoke(sensor, 'The sensor was removed from the fleet.');
    this.#past.delete(sensor);
  }

  end(sensor: string, reason: Refusal): void {
    this.#links.get(sensor)?.end(reason);
  }

  add(link: SensorLink): void {
    this.#links.set(link.sensor, link);
    const { hello } = link;
    const past = this.#past.get(link.sensor);
    link.status ??= past?.status;
    link.statusAt ??= past?.statusAt;
    this.#log.info(
      { sensor: link.sensor, address: link.visitor.address, version: hello.version },
      'attached',
    );
    this.#tell('attached', link.sensor, {
      serial: link.serial,
      instance: link.instance,
      address: link.visitor.address,
      version: hello.version,
      protocol: hello.protocol,
      configRevision: hello.configRevision,
      hardware: hardwareOf(hello.hardwareJson),
    });
  }

  refused(who: RefusedAttach): void {
    this.#tell('refused', who);
  }

  /** What links tell. */
  readonly listener: LinkListener = {
    state: (link, read, changed) => {
      this.#tell('state', link.sensor, read, changed);
    },
    notice: (link, notice) => {
      this.#tell('notice', link.sensor, notice);
    },
    configResult: (link, result) => {
      const outcome = outcomeOf(result);
      this.#configs.done(link.sensor, outcome);
      this.#tell('config', link.sensor, outcome);
    },
    ended: (link, reason) => {
      this.#ended(link, reason);
    },
  };

  #ended(link: SensorLink, reason: Refusal): void {
    const { sensor, status: read, statusAt, statusUnreadable } = link;
    if (this.#links.get(sensor) !== link) return;
    const ended = { code: reason.code, message: reason.message };
    const view = {
      ...this.#viewOf(link),
      attached: false,
      since: new Date().toISOString(),
      tunnels: 0,
      ended,
    };
    this.#links.delete(sensor);
    this.#remember(sensor, { view, status: read, statusAt, statusUnreadable });
    this.#configs.lost(sensor, reason.message);
    const replaced = reason.code === 'FLEET_LINKS_REPLACED';
    // Tunnels of a sensor that only attached anew live as long as the connection that carries them.
    if (!replaced) this.#tunnels?.endAll(sensor, reason.message);
    this.#log.info({ sensor, code: reason.code }, `detached: ${reason.message}`);
    this.#tell('detached', sensor, ended);
  }

  #remember(sensor: string, past: Past): void {
    this.#past.delete(sensor);
    this.#past.set(sensor, past);
    // In the order in which they left: the longest away is forgotten first.
    for (const oldest of this.#past.keys()) {
      if (this.#past.size <= this.#limits.remembered) break;
      this.#past.delete(oldest);
    }
  }

  #viewOf(link: SensorLink): LinkView {
    const differenceMs = link.clock.differenceMs;
    return {
      sensor: link.sensor,
      attached: true,
      since: link.attachedAt.toISOString(),
      lastSeen: link.lastSeen.toISOString(),
      address: link.visitor.address,
      version: link.hello.version,
      configRevision: link.hello.configRevision,
      ...(differenceMs === undefined ? {} : { clockDifferenceMs: differenceMs }),
      clockWrong: differenceMs !== undefined && Math.abs(differenceMs) > CLOCK_TOLERANCE_MS,
      tunnels: this.#tunnels?.count(link.sensor) ?? 0,
    };
  }

  #present(sensor: string): SensorLink {
    const link = this.#links.get(sensor);
    if (link === undefined) throw offline(sensor);
    return link;
  }

  #tell<K extends keyof LinkEvents>(name: K, ...told: LinkEvents[K]): void {
    for (const listener of this.events.listeners(name)) {
      try {
        (listener as (...args: LinkEvents[K]) => void)(...told);
      } catch (error) {
        this.#log.error({ err: error, event: name }, 'a listener of the link failed');
      }
    }
  }
}

function offline(sensor: string): BulkheadError {
  return new BulkheadError({
    code: 'FLEET_LINKS_OFFLINE',
    message: `${sensor} is not connected to the fleet now.`,
    fields: { sensor },
  });
}

function hardwareOf(json: Buffer): Hardware | undefined {
  try {
    return HardwareSchema.safeParse(JSON.parse(json.toString('utf8'))).data;
  } catch {
    return undefined;
  }
}

function outcomeOf({ revision, ok, code, message, sensorRevision }: ConfigResult): ConfigOutcome {
  return {
    revision,
    ok,
    ...(code === '' ? {} : { code: code.slice(0, 64) }),
    ...(message === '' ? {} : { message: message.slice(0, 8_000) }),
    ...(sensorRevision === 0 ? {} : { sensorRevision }),
  };
}
