import { randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { Metadata, status } from '@grpc/grpc-js';
import { BulkheadError } from '@bulkhead/platform/kernel';
import { beginOfCall, callerOf, endOfCall, isRefusal } from './calls.ts';
import type { Door } from './door.ts';
import type { LinkLimits, LinkTimes } from './limits.ts';
import { endCall, type Refusal } from './refusal.ts';
import type { SensorLink } from './sensor-link.ts';
import { TunnelStream, type TunnelCall } from './tunnel-stream.ts';

/** Metadata of the Tunnel call: which one it is, and why it is none. */
export const TUNNEL_METADATA = 'bulkhead-tunnel';
export const REFUSED_METADATA = 'bulkhead-refused';
/** Of an uplink: the public key with which the sensor's NATS proves itself to the hub. */
export const UPLINK_KEY_METADATA = 'bulkhead-uplink-key';
const UPLINK = 'uplink';

export interface TunnelParts {
  door: Pick<Door, 'visitor'>;
  limits: LinkLimits;
  times: LinkTimes;
  link: (sensor: string) => SensorLink | undefined;
  /** The connection of a sensor's NATS to the hub, and the key that it said it will use there (empty: it said none). */
  uplink: (sensor: string, stream: Duplex, publicKey: string) => void;
}

/** Where a tunnel leads on the sensor: to the page of an instrument. */
export interface TunnelTarget {
  instrumentUi: string;
}

/** For whom. The sensor checks again whether that person may. */
export interface TunnelIdentity {
  user: string;
  roles: readonly string[];
}

interface Expected {
  sensor: string;
  resolve: (stream: TunnelStream) => void;
  reject: (error: BulkheadError) => void;
}

/**
 * Tunnels of all sensors.
 *
 * INVARIANTS: an id is known for `tunnelMs` and works once, for the sensor that was asked. Every open tunnel stands in `#open`
 * under its sensor, and is destroyed with the sensor's link.
 */
export class Tunnels {
  readonly #parts: TunnelParts;
  readonly #expected = new Map<string, Expected>();
  readonly #open = new Map<string, Set<TunnelStream>>();
  readonly #uplinks = new Map<string, Set<TunnelStream>>();

  constructor(parts: TunnelParts) {
    this.#parts = parts;
  }

  /** Open ones of a sensor, uplinks included. */
  count(sensor: string): number {
    return (this.#open.get(sensor)?.size ?? 0) + (this.#uplinks.get(sensor)?.size ?? 0);
  }

  /**
   * Has the sensor open a connection to the page of an instrument.
   * @throws BulkheadError FLEET_LINKS_TUNNELS_BUSY, FLEET_LINKS_TUNNEL_REFUSED (`reason` says what the sensor said),
   * FLEET_LINKS_TUNNEL_TIMEOUT, FLEET_LINKS_CANCELLED
   */
  async open(
    link: SensorLink,
    target: TunnelTarget,
    { user, roles }: TunnelIdentity,
    signal?: AbortSignal,
  ): Promise<Duplex> {
    const { sensor } = link;
    const expected = [...this.#expected.values()].filter((one) => one.sensor === sensor).length;
    if ((this.#open.get(sensor)?.size ?? 0) + expected >= this.#parts.limits.tunnelsPerSensor)
      throw busy(sensor);
    if (signal?.aborted === true) throw cancelled();
    const id = randomBytes(16).toString('hex');
    const sent = link.send({
      $case: 'openTunnel',
      value: {
        id,
        target: { $case: 'instrumentUi', value: target.instrumentUi },
        user,
        roles: [...roles],
      },
    });
    if (!sent) throw busy(sensor);
    let timer: NodeJS.Timeout | undefined;
    let onAbort: (() => void) | undefined;
    try {
      return await new Promise<Duplex>((resolve, reject) => {
        this.#expected.set(id, { sensor, resolve, reject });
        timer = setTimeout(() => {
          reject(late(sensor, this.#parts.times.tunnelMs));
        }, this.#parts.times.tunnelMs);
        onAbort = () => {
          reject(cancelled());
        };
        signal?.addEventListener('abort', onAbort, { once: true });
      });
    } finally {
      clearTimeout(timer);
      if (onAbort !== undefined) signal?.removeEventListener('abort', onAbort);
      this.#expected.delete(id);
    }
  }

  /** A Tunnel call of a sensor. Never throws. */
  handle(call: TunnelCall): void {
    const { door, limits, link } = this.#parts;
    const caller = callerOf(call, door);
    const busyConnection = isRefusal(caller) ? caller : beginOfCall(caller, limits);
    if (isRefusal(caller) || busyConnection !== undefined) {
      refuse(call, busyConnection ?? UNKNOWN);
      return;
    }
    call.once('close', () => {
      endOfCall(caller);
    });
    const { sensor, serial } = caller.identity;
    // Tunnels live beside a link: that one was authorised, with this very certificate.
    if (link(sensor)?.serial !== serial) {
      refuse(call, NOT_ATTACHED);
      return;
    }
    const id = first(call.metadata, TUNNEL_METADATA);
    if (id === UPLINK) this.#uplink(call, sensor);
    else this.#opened(call, sensor, id);
  }

  /** All of a sensor, at once. */
  endAll(sensor: string, reason: string): void {
    for (const [id, one] of this.#expected) {
      if (one.sensor !== sensor) continue;
      this.#expected.delete(id);
      one.reject(
        new BulkheadError({
          code: 'FLEET_LINKS_LOST',
          message: `The link to ${sensor} ended before the tunnel was open: ${reason}`,
          fields: { sensor },
        }),
      );
    }
    for (const set of [this.#open.get(sensor), this.#uplinks.get(sensor)]) {
      for (const stream of [...(set ?? [])]) {
        stream.destroy(Object.assign(new Error(`the link ended: ${reason}`), { code: 'ECONNRESET' }));
      }
    }
  }

  #uplink(call: TunnelCall, sensor: string): void {
    // The newest counts: an old one may hang in a connection that is gone.
    const open = [...(this.#uplinks.get(sensor) ?? [])];
    for (const old of open.slice(0, Math.max(0, open.length - this.#parts.limits.uplinksPerSensor + 1))) {
      old.destroy();
    }
    const stream = this.#accept(call, sensor, this.#uplinks);
    this.#parts.uplink(sensor, stream, first(call.metadata, UPLINK_KEY_METADATA));
  }

  #opened(call: TunnelCall, sensor: string, id: string): void {
    const expected = this.#expected.get(id);
    if (expected?.sensor !== sensor) {
      refuse(call, UNKNOWN);
      return;
    }
    this.#expected.delete(id);
    const reason = first(call.metadata, REFUSED_METADATA);
    if (reason !== '') {
      expected.reject(refusedBySensor(sensor, reason));
      call.on('error', () => undefined);
      call.resume();
      call.end();
      return;
    }
    expected.resolve(this.#accept(call, sensor, this.#open));
  }

  #accept(call: TunnelCall, sensor: string, among: Map<string, Set<TunnelStream>>): TunnelStream {
    const set = among.get(sensor) ?? new Set();
    among.set(sensor, set);
    const stream = new TunnelStream(call, () => {
      set.delete(stream);
      if (set.size === 0 && among.get(sensor) === set) among.delete(sensor);
    });
    set.add(stream);
    // Whoever gets it listens too; until then an error must not end the process.
    stream.on('error', () => undefined);
    // The sensor sees now that it was accepted.
    call.sendMetadata(new Metadata());
    return stream;
  }
}

function refuse(call: TunnelCall, refusal: Refusal): void {
  endCall(call, refusal);
  call.resume();
}

function first(metadata: Metadata, key: string): string {
  const [value] = metadata.get(key);
  return typeof value === 'string' ? value : '';
}

const UNKNOWN: Refusal = {
  code: 'FLEET_LINKS_TUNNEL_UNKNOWN',
  message: 'No tunnel with this id was asked for, or not of this sensor, or not any more.',
  status: status.NOT_FOUND,
};
const NOT_ATTACHED: Refusal = {
  code: 'FLEET_LINKS_OFFLINE',
  message: 'A tunnel needs an attached sensor.',
  status: status.FAILED_PRECONDITION,
};

function busy(sensor: string): BulkheadError {
  return new BulkheadError({
    code: 'FLEET_LINKS_TUNNELS_BUSY',
    message: `As many connections through ${sensor} as there may be are open.`,
    fields: { sensor },
  });
}

function late(sensor: string, tunnelMs: number): BulkheadError {
  return new BulkheadError({
    code: 'FLEET_LINKS_TUNNEL_TIMEOUT',
    message: `${sensor} did not open the connection within ${String(tunnelMs / 1000)} s.`,
    fields: { sensor },
  });
}

function refusedBySensor(sensor: string, said: string): BulkheadError {
  const reason = /^[A-Z][A-Z0-9_]{2,63}$/.test(said) ? said : 'unknown';
  return new BulkheadError({
    code: 'FLEET_LINKS_TUNNEL_REFUSED',
    message: `${sensor} does not open the connection: ${reason}.`,
    fields: { sensor, reason },
  });
}

const cancelled = () =>
  new BulkheadError({ code: 'FLEET_LINKS_CANCELLED', message: 'The connection is not wanted any more.' });
