import { status } from '@grpc/grpc-js';
import type { FromFleet, FromSensor, Hello } from '@bulkhead/platform/contracts/fleet';
import { describeError, type Logger } from '@bulkhead/platform/kernel';
import { beginOfCall, callerOf, endOfCall, isRefusal } from './calls.ts';
import type { Door, Visitor } from './door.ts';
import { widenWindows } from './http2-stream.ts';
import type { LinkLimits, LinkTimes } from './limits.ts';
import type { Links } from './links.ts';
import type { RefusalLog } from './refusal-log.ts';
import { endCall, type Refusal } from './refusal.ts';
import { SensorLink, type AttachCall } from './sensor-link.ts';
import type { Authorise } from './authorise.ts';

export interface AttachParts {
  door: Pick<Door, 'visitor'>;
  links: Links;
  authorise: Authorise;
  limits: LinkLimits;
  times: LinkTimes;
  fleetVersion: string;
  log: Logger;
  refusals: Pick<RefusalLog, 'write'>;
}

const HARDWARE_BYTES = 64 << 10;
/** How long a link must have been heard after a newcomer said who it is, to prove that both live. */
const PROOF_OF_LIFE_MS = 1_000;
const LOOK_AGAIN_MS = 100;

/**
 * Lets sensors attach: who are you (the certificate), may you (authorise), are you the only one (clones), welcome.
 *
 * INVARIANTS: of one sensor at most one newcomer is judged at a time. A call that is refused gets its reason, and nothing of it
 * stays. A newcomer with another instance never ends a link that lives: the link that was there first keeps its place.
 */
export class AttachDesk {
  readonly #parts: AttachParts;
  readonly #judged = new Set<string>();
  readonly #attempts = new Map<string, { sinceMs: number; count: number }>();

  constructor(parts: AttachParts) {
    this.#parts = parts;
  }

  /** A new Attach call. Never throws. */
  handle(call: AttachCall): void {
    const { door, limits, times } = this.#parts;
    const caller = callerOf(call, door);
    if (isRefusal(caller)) {
      this.#refuse(call, undefined, caller);
      return;
    }
    const busy = beginOfCall(caller, limits);
    if (busy !== undefined) {
      this.#refuse(call, caller, busy);
      return;
    }
    call.once('close', () => {
      endOfCall(caller);
    });
    if (!this.#mayTry(caller.identity.sensor)) {
      this.#refuse(call, caller, TOO_OFTEN);
      return;
    }
    const timer = setTimeout(() => {
      call.off('data', onFirst);
      this.#refuse(call, caller, NO_HELLO);
    }, times.helloMs);
    const onFirst = (message: FromSensor) => {
      clearTimeout(timer);
      call.pause();
      this.#judge(call, caller, message).catch((error: unknown) => {
        this.#parts.log.error({ err: error }, 'a sensor could not be attached');
        this.#refuse(call, caller, FAILED);
      });
    };
    call.once('data', onFirst);
    call.once('close', () => {
      clearTimeout(timer);
    });
  }

  /** Forgets who tried a while ago. */
  sweep(nowMs: number): void {
    for (const [sensor, { sinceMs }] of this.#attempts) {
      if (nowMs - sinceMs > 60_000) this.#attempts.delete(sensor);
    }
  }

  async #judge(call: AttachCall, visitor: Visitor, first: FromSensor): Promise<void> {
    const { sensor } = visitor.identity;
    const hello = helloOf(first);
    if (hello === undefined) {
      this.#refuse(call, visitor, BAD_HELLO);
      return;
    }
    if (this.#judged.has(sensor)) {
      this.#refuse(call, visitor, TOO_OFTEN);
      return;
    }
    this.#judged.add(sensor);
    try {
      const { links } = this.#parts;
      let refusal = await this.#forbidden(visitor, hello);
      const present = links.link(sensor);
      if (refusal === undefined && present !== undefined && present.instance !== hello.instance) {
        // That takes seconds, in which it may be revoked: it is asked once more.
        refusal = (await this.#onlyOne(call, sensor, hello)) ? await this.#forbidden(visitor, hello) : CLONE;
      }
      if (refusal !== undefined) {
        this.#refuse(call, visitor, refusal);
        return;
      }
      if (call.destroyed || call.cancelled) return;
      this.#replace(links.link(sensor), visitor);
      this.#welcome(call, visitor, hello);
    } finally {
      this.#judged.delete(sensor);
    }
  }

  async #forbidden({ identity, address }: Visitor, { instance }: Hello): Promise<Refusal | undefined> {
    const { sensor, serial } = identity;
    const verdict = await this.#parts.authorise({ sensor, serial, instance, address });
    return verdict === 'ok' ? undefined : { ...verdict, status: status.PERMISSION_DENIED };
  }

  /**
   * Two machines with one identity cannot be told apart by what they say. But a sensor that came back has left its old link
   * behind, which falls silent; if that one is heard long after the newcomer spoke, both live.
   */
  async #onlyOne(call: AttachCall, sensor: string, hello: Hello): Promise<boolean> {
    const { links, times } = this.#parts;
    const spokeMs = performance.now();
    for (;;) {
      const present = links.link(sensor);
      if (present === undefined || present.instance === hello.instance) return true;
      if (present.lastHeardMs - spokeMs > PROOF_OF_LIFE_MS) return false;
      if (call.destroyed || call.cancelled) return true;
      if (performance.now() - spokeMs > 4 * times.silenceMs) return false;
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
    }
  }

  /** Of a former link nothing is left in a little while: neither its connection nor what it carried. */
  #replace(former: SensorLink | undefined, visitor: Visitor): void {
    if (former === undefined) return;
    former.end(REPLACED);
    if (former.visitor === visitor) return;
    setTimeout(() => {
      former.visitor.cut();
    }, this.#parts.times.lingerMs).unref();
  }

  #welcome(call: AttachCall, visitor: Visitor, hello: Hello): void {
    const { links, limits, times, fleetVersion } = this.#parts;
    widenWindows(call, { stream: limits.callWindowBytes, connection: limits.connectionWindowBytes });
    const link = new SensorLink(call, visitor, hello, { limits, times, listener: links.listener });
    link.send({
      $case: 'welcome',
      value: {
        heartbeatMs: times.heartbeatMs,
        clockMs: Date.now(),
        sensor: link.sensor,
        fleetVersion,
      },
    } satisfies NonNullable<FromFleet['what']>);
    links.add(link);
    link.open();
  }

  #mayTry(sensor: string): boolean {
    const now = performance.now();
    const known = this.#attempts.get(sensor);
    const tries = known === undefined || now - known.sinceMs > 60_000 ? { sinceMs: now, count: 0 } : known;
    tries.count += 1;
    this.#attempts.set(sensor, tries);
    return tries.count <= this.#parts.limits.attachesPerMinute;
  }

  #refuse(call: AttachCall, visitor: Visitor | undefined, refusal: Refusal): void {
    const { log, links, refusals } = this.#parts;
    const who = {
      sensor: visitor?.identity.sensor,
      serial: visitor?.identity.serial,
      address: call.getPeer(),
    };
    refusals.write({ ...who, code: refusal.code }, `a sensor was not attached: ${refusal.message}`);
    links.refused({ ...who, code: refusal.code, message: refusal.message });
    try {
      endCall(call, refusal);
      call.resume();
    } catch (error) {
      log.debug({ err: error }, `a refused call was gone already: ${describeError(error)}`);
    }
  }
}

/** A Hello that can be worked with, from any version of the sensor. */
function helloOf({ what }: FromSensor): Hello | undefined {
  if (what?.$case !== 'hello') return undefined;
  const hello = what.value;
  const fine =
    hello.protocol >= 1 &&
    hello.version.length <= 64 &&
    /^[\x21-\x7e]{1,128}$/.test(hello.instance) &&
    hello.hardwareJson.length <= HARDWARE_BYTES;
  return fine ? hello : undefined;
}

const NO_HELLO: Refusal = {
  code: 'FLEET_LINKS_HELLO_TIMEOUT',
  message: 'The sensor attached and did not say hello in time.',
  status: status.DEADLINE_EXCEEDED,
};
const BAD_HELLO: Refusal = {
  code: 'FLEET_LINKS_HELLO_INVALID',
  message: 'The first message of the sensor is no Hello, or one with impossible values.',
  status: status.INVALID_ARGUMENT,
};
const TOO_OFTEN: Refusal = {
  code: 'FLEET_LINKS_TOO_OFTEN',
  message: 'The sensor attaches again and again. Wait a minute.',
  status: status.RESOURCE_EXHAUSTED,
};
const CLONE: Refusal = {
  code: 'FLEET_LINKS_CLONE',
  message: 'Another machine with the identity of this sensor is attached, and it lives.',
  status: status.ALREADY_EXISTS,
};
const REPLACED: Refusal = {
  code: 'FLEET_LINKS_REPLACED',
  message: 'The sensor attached anew.',
  status: status.ABORTED,
};
const FAILED: Refusal = {
  code: 'FLEET_LINKS_FAILED',
  message: 'The fleet could not decide about the sensor; its log says why.',
  status: status.UNAVAILABLE,
};
