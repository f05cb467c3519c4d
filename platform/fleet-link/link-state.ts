import { BulkheadError, describeError, type ErrorCode } from '../kernel/index.ts';
import { lifeOf } from './certificates.ts';
import { hostPort } from './endpoint.ts';
import type { DesiredRecord, Membership } from './membership.ts';

/**
 * `none`: belongs to no fleet. `connecting`: tries. `up`. `clock`: its certificate is not valid yet by its own clock. `returning`:
 * its certificate ran out, an operator has to confirm. `refused`: the fleet does not let it in.
 */
export type LinkPhase = 'none' | 'connecting' | 'up' | 'clock' | 'returning' | 'refused';

/** What `bulkhead fleet status --json` prints. Nothing secret. */
export interface FleetStatus {
  state: LinkPhase;
  /** ISO 8601: since when. */
  since: string;
  sensor?: string;
  fleet?: string;
  link?: string;
  proxy?: string;
  joinedAt?: string;
  fleetVersion?: string;
  lastUp?: string;
  nextTry?: string;
  /** How far the sensor's clock is ahead of the fleet's, in milliseconds, when the link came up. */
  clockAheadMs?: number;
  certificate?: { notBefore: string; notAfter: string; renewAt: string };
  error?: { code: ErrorCode; message: string; hint?: string };
  /** The fleet's configuration: the newest that came, what became of it, and the newest in force. */
  config?: {
    revision: number;
    state: DesiredRecord['state'];
    inForce: number;
    code?: string;
    message?: string;
  };
  /** Open now. */
  tunnels: number;
  asks: number;
}

/** From how far on a clock counts as wrong. */
const CLOCK_TOLERANCE_MS = 30_000;

/** How the link stands, for people. */
export class LinkState {
  #phase: LinkPhase = 'none';
  #since = new Date();
  #error: unknown;
  fleetVersion: string | undefined;
  clockAheadMs: number | undefined;
  lastUp: Date | undefined;
  nextTry: Date | undefined;

  get phase(): LinkPhase {
    return this.#phase;
  }

  get error(): unknown {
    return this.#error;
  }

  /** The fleet answers, whether it lets the sensor in or not. */
  get reaches(): boolean {
    return this.#phase === 'up' || this.#phase === 'refused' || this.#phase === 'returning';
  }

  set(phase: LinkPhase, error?: unknown): void {
    if (phase !== this.#phase) this.#since = new Date();
    if (this.#phase === 'up') this.lastUp = new Date();
    this.#phase = phase;
    this.#error = error;
    if (phase === 'up' || phase === 'none') this.nextTry = undefined;
    if (phase === 'none') {
      this.lastUp = undefined;
      this.fleetVersion = undefined;
      this.clockAheadMs = undefined;
    }
  }

  shown(
    membership: Membership | undefined,
    record: DesiredRecord | undefined,
    { tunnels, asks }: { tunnels: number; asks: number },
  ): FleetStatus {
    return {
      state: this.#phase,
      since: this.#since.toISOString(),
      ...(membership === undefined ? {} : facts(membership)),
      ...optional('fleetVersion', this.fleetVersion),
      ...optional('lastUp', this.lastUp?.toISOString()),
      ...optional('nextTry', this.nextTry?.toISOString()),
      ...optional('clockAheadMs', this.clockAheadMs),
      ...(this.#error === undefined ? {} : { error: shownError(this.#error) }),
      ...(record === undefined ? {} : { config: config(record) }),
      tunnels,
      asks,
    };
  }

  /** In words; a fleet that is away for a moment is nothing to attend to. */
  attention(awayMs = 300_000): string[] {
    const lines: string[] = [];
    const error = this.#error === undefined ? '' : `: ${describeError(this.#error)}`;
    if (this.#phase === 'refused' || this.#phase === 'clock' || this.#phase === 'returning') {
      lines.push(`the fleet cannot be reached${error}`);
    } else if (this.#phase === 'connecting' && Date.now() - this.#since.getTime() > awayMs) {
      lines.push(`no link to the fleet since ${this.#since.toISOString()}${error}`);
    }
    if (Math.abs(this.clockAheadMs ?? 0) > CLOCK_TOLERANCE_MS) {
      const seconds = Math.round((this.clockAheadMs ?? 0) / 1000);
      lines.push(
        `the clock is ${String(Math.abs(seconds))} s ${seconds > 0 ? 'ahead of' : 'behind'} the fleet's`,
      );
    }
    return lines;
  }
}

function facts({ sensor, fleet, link, proxy, joinedAt, chainPem }: Membership): Partial<FleetStatus> {
  const { notBefore, notAfter, renewAt } = lifeOf(chainPem);
  return {
    sensor,
    fleet: hostPort(fleet),
    link: hostPort(link),
    ...(proxy === undefined ? {} : { proxy: hostPort(proxy) }),
    joinedAt,
    certificate: {
      notBefore: notBefore.toISOString(),
      notAfter: notAfter.toISOString(),
      renewAt: renewAt.toISOString(),
    },
  };
}

function config({
  revision,
  state,
  inForce,
  code,
  message,
}: DesiredRecord): NonNullable<FleetStatus['config']> {
  return { revision, state, inForce, ...(code === '' ? {} : { code, message }) };
}

function shownError(error: unknown): NonNullable<FleetStatus['error']> {
  if (!(error instanceof BulkheadError)) {
    return { code: 'FLEET_LINK_UNREACHABLE', message: 'The link failed; the log of the sensor says why.' };
  }
  const { code, message, hint } = error;
  return { code, message, ...(hint === undefined ? {} : { hint }) };
}

function optional<K extends string, V>(key: K, value: V | undefined): Partial<Record<K, V>> {
  return value === undefined ? {} : ({ [key]: value } as Record<K, V>);
}
