import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { BulkheadError, hasCode, type Logger } from '@bulkhead/platform/kernel';
import type { HostHandler } from '../web/index.ts';
import type { Addressing } from './addressing.ts';
import { ENTER_PATH, Entrance } from './entrance.ts';
import { Exchange } from './exchange.ts';
import { Hosts } from './host.ts';
import { credentialOf, Grants, nameOf, type Grant } from './grants.ts';
import { PROXY_LIMITS, type ProxyLimits } from './limits.ts';
import { Lives } from './lives.ts';
import { checkOrigin } from './origin-checks.ts';
import { Pools } from './pools.ts';
import { PortAddress, type GivenPort } from './port-address.ts';
import { refusal } from './refusal.ts';
import { Replies } from './replies.ts';
import { checkFraming, isSafe } from './request-headers.ts';
import { checkTarget } from './request-target.ts';
import { enforcedHeaders } from './response-headers.ts';
import type { Audit, AuditNote, People, Place, Sensors, Visitor, Ways } from './types.ts';
import { checkUpgrade, Upgrade } from './upgrade.ts';

export interface ProxyOptions {
  /** Pages are at `<instrument>.<sensor>.<baseDomain>`. */
  baseDomain: string;
  scheme: 'http' | 'https';
  /** Is this host (lower case, no port) the fleet's own? */
  knowsHost: (host: string) => boolean;
  people: People;
  sensors: Sensors;
  ways: Ways;
  audit: Audit;
  log: Logger;
  /** For tests; default: {@link PROXY_LIMITS}. */
  limits?: Partial<ProxyLimits>;
}

/** Serves the names below the base domain; the listener gives it what belongs there. */
export interface Proxy extends HostHandler {
  /** The same for a listener that belongs to one instrument alone. */
  onPort(given: GivenPort): HostHandler;
  /** Under way, connections to pages: for metrics and tests. */
  counts(): { live: number; pools: number };
  start(): void;
  stop(): Promise<void>;
}

/** Who asked for what, as far as it was made out; for the audit log when it is refused. */
interface Asked {
  place?: Place;
  visitor?: Visitor;
}

export function openProxy(options: ProxyOptions): Proxy {
  return new UiProxy(options);
}

/**
 * INVARIANTS: nothing reaches an instrument before all of these said yes, in this order: framing, host, address, identity, origin,
 * right, state of the page. Each request is judged by itself; what a connection was allowed before counts for nothing.
 */
class UiProxy implements Proxy {
  readonly #options: ProxyOptions;
  readonly #limits: ProxyLimits;
  readonly #hosts: Hosts;
  readonly #pools: Pools;
  readonly #lives: Lives;
  readonly #replies: Replies;
  readonly #enforced: readonly string[];
  readonly #grants: Grants;
  readonly #entrance: Entrance;
  /** Answers of {@link serves}, for a second. */
  readonly #served = new Map<string, boolean>();
  readonly #atOnce = new Map<string, number>();
  readonly #streams = new Map<string, number>();
  #unwatch: (() => void) | undefined;

  constructor(options: ProxyOptions) {
    this.#options = options;
    this.#limits = { ...PROXY_LIMITS, ...options.limits };
    this.#hosts = new Hosts(options);
    this.#pools = new Pools(options.ways);
    this.#grants = new Grants(options.people, options.sensors);
    this.#entrance = new Entrance({ ...options, grants: this.#grants });
    this.#lives = new Lives((nowMs) => {
      this.#served.clear();
      this.#grants.forget();
      this.#pools.tidy(nowMs);
    });
    this.#replies = new Replies(options.scheme);
    this.#enforced = enforcedHeaders(options.scheme);
  }

  serves(host: string): boolean {
    if (!this.#hosts.covers(host)) return false;
    let isOurs = this.#served.get(host);
    if (isOurs === undefined) {
      // The fleet may look at the machine's addresses for this: not at every request.
      isOurs = !this.#options.knowsHost(host);
      this.#served.set(host, isOurs);
    }
    return isOurs;
  }

  start(): void {
    this.#lives.start();
    this.#unwatch ??= this.#options.people.onChange(() => {
      this.#grants.forget();
      this.#lives.checkRights();
    });
  }

  async stop(): Promise<void> {
    this.#unwatch?.();
    this.#unwatch = undefined;
    this.#lives.stop();
    await this.#pools.close();
  }

  counts(): { live: number; pools: number } {
    return { live: this.#lives.size, pools: this.#pools.size };
  }

  onPort(given: GivenPort): HostHandler {
    const addressing = new PortAddress({ ...this.#options, ...given });
    return {
      serves: () => true,
      request: (request, response) => {
        this.#request(addressing, request, response);
      },
      upgrade: (request, socket, head) => {
        this.#upgrade(addressing, request, socket, head);
      },
    };
  }

  request(request: IncomingMessage, response: ServerResponse): void {
    this.#request(this.#hosts, request, response);
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#upgrade(this.#hosts, request, socket, head);
  }

  #request(addressing: Addressing, request: IncomingMessage, response: ServerResponse): void {
    const asked: Asked = {};
    try {
      const { path, own } = this.#judgeAddress(request);
      if (own) {
        this.#own(addressing, request, response, path);
        return;
      }
      this.#pass(request, response, this.#judge(addressing, request, asked, false));
    } catch (error) {
      this.#refuse(request, response, error, asked);
    }
  }

  #upgrade(addressing: Addressing, request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const asked: Asked = {};
    const fail = (error: unknown) => {
      this.#noteRefusal(request, error, asked);
      this.#replies.refuseUpgrade(socket, error);
    };
    try {
      if (this.#judgeAddress(request).own) throw nothingThere();
      checkUpgrade(request);
      const grant = this.#judge(addressing, request, asked, true);
      const { place, visitor } = grant;
      const leave = this.#takeStream(visitor);
      if (leave === undefined) throw refusal('FLEET_PROXY_BUSY', 'Too many connections are open.');
      new Upgrade({
        request,
        socket,
        head,
        grant,
        dispatcher: this.#pools.to(grant, this.#lives.now),
        lives: this.#lives,
        limits: this.#limits,
        fail,
        agreed: () => {
          this.#note(request, 'instrument.connect', { place, visitor }, { outcome: 'done' });
        },
        done: leave,
      }).begin();
    } catch (error) {
      fail(error);
    }
  }

  #judgeAddress(request: IncomingMessage): { path: string; own: boolean } {
    checkFraming(request);
    return checkTarget(request.url ?? '');
  }

  /** Who is it, from where, and may they? */
  #judge(addressing: Addressing, request: IncomingMessage, asked: Asked, isUpgrade: boolean): Grant {
    const { host } = request.headers;
    const { origin } = addressing.read(host);
    const credential = credentialOf(request, addressing.cookie);
    const from = { addressing, host, address: addressOf(request) };
    const grant = this.#grants.decide(credential, from, (visitor) => {
      asked.visitor = visitor;
    });
    asked.place = grant.place;
    // A browser sends cookies by itself, a token only who has it: so only the first needs to say where it comes from.
    if (credential?.kind === 'session') checkOrigin(request, origin, isUpgrade);
    return grant;
  }

  #pass(request: IncomingMessage, response: ServerResponse, grant: Grant): void {
    const { place, visitor } = grant;
    const key = `${place.sensor}/${place.instrument}`;
    const count = this.#atOnce.get(key) ?? 0;
    if (count >= this.#limits.atOnceMost) {
      throw refusal('FLEET_PROXY_BUSY', `Too many requests to ${nameOf(place)} are under way.`);
    }
    this.#atOnce.set(key, count + 1);
    let leaveStream: (() => void) | undefined;
    let isDone = false;
    const done = () => {
      if (isDone) return;
      isDone = true;
      leaveStream?.();
      lessen(this.#atOnce, key);
    };
    const changes = !isSafe(request.method ?? '');
    const note = (outcome: 'done' | 'failed', status: number) => {
      const facts = { method: request.method ?? '', path: pathOf(request), status };
      this.#note(request, 'instrument.change', { place, visitor }, { outcome, facts });
    };
    if (changes)
      response.once('close', () => note(response.statusCode < 400 ? 'done' : 'failed', response.statusCode));
    try {
      new Exchange({
        request,
        response,
        grant,
        dispatcher: this.#pools.to(grant, this.#lives.now),
        enforced: this.#enforced,
        lives: this.#lives,
        limits: this.#limits,
        fail: (error) => {
          this.#tellFailure(error, place);
          this.#replies.refuse(request, response, error, this.#fleetOf(request));
        },
        done,
        mayStream: () => {
          leaveStream = this.#takeStream(visitor);
          return leaveStream !== undefined;
        },
      }).begin();
    } catch (error) {
      done();
      throw error;
    }
  }

  /** The fleet's own part of every origin: the way in, and nothing else. */
  #own(addressing: Addressing, request: IncomingMessage, response: ServerResponse, path: string): void {
    if (path !== ENTER_PATH) throw nothingThere();
    this.#entrance
      .enter(request, addressing, addressOf(request))
      .then(({ place, visitor, path: first, cookie }) => {
        this.#note(request, 'instrument.open', { place, visitor }, { outcome: 'done' });
        this.#replies.enter(response, first, cookie);
      })
      .catch((error: unknown) => {
        this.#refuse(request, response, error, {});
      });
  }

  #fleetOf(request: IncomingMessage): string | undefined {
    const port = /:\d+$/.exec(request.headers.host ?? '')?.[0] ?? '';
    const { baseDomain, scheme, knowsHost } = this.#options;
    return knowsHost(baseDomain) ? `${scheme}://${baseDomain}${port}/` : undefined;
  }

  #takeStream({ id }: Visitor): (() => void) | undefined {
    const count = this.#streams.get(id) ?? 0;
    if (count >= this.#limits.streamsMost) return undefined;
    this.#streams.set(id, count + 1);
    return () => lessen(this.#streams, id);
  }

  #refuse(request: IncomingMessage, response: ServerResponse, error: unknown, asked: Asked): void {
    this.#noteRefusal(request, error, asked);
    this.#replies.refuse(request, response, error, this.#fleetOf(request));
  }

  /** Audited is what a known person was refused, and a way in that did not work; not every stranger's knock. */
  #noteRefusal(request: IncomingMessage, error: unknown, asked: Asked): void {
    if (!(error instanceof BulkheadError)) {
      this.#options.log.error({ err: error }, 'a request to an instrument failed in the proxy itself');
      return;
    }
    const isNoted =
      NOTED.has(error.code) && (asked.visitor !== undefined || hasCode(error, 'FLEET_PROXY_CODE_REFUSED'));
    if (isNoted) this.#note(request, 'instrument.refuse', asked, { outcome: 'refused', code: error.code });
    else this.#options.log.debug({ err: error }, 'a request to an instrument was refused');
  }

  #tellFailure(error: unknown, place: Place): void {
    const where = { sensor: place.sensor, instrument: place.instrument };
    this.#options.log.info({ err: error, ...where }, `the page of ${nameOf(place)} did not answer`);
  }

  #note(
    request: IncomingMessage,
    action: string,
    { place, visitor }: Asked,
    rest: Pick<AuditNote, 'outcome' | 'code' | 'facts'>,
  ): void {
    const target = place === undefined ? hostOf(request) : nameOf(place);
    this.#options.audit({ visitor, action, target, address: addressOf(request), ...rest });
  }
}

const NOTED: ReadonlySet<string> = new Set([
  'FLEET_PROXY_DENIED',
  'FLEET_PROXY_ORIGIN_REFUSED',
  'FLEET_PROXY_CODE_REFUSED',
]);

function nothingThere() {
  return refusal('FLEET_PROXY_NOT_FOUND', 'There is nothing at this address.');
}

function addressOf({ socket }: IncomingMessage): string {
  return socket.remoteAddress ?? '';
}

function hostOf({ headers }: IncomingMessage): string {
  return (headers.host ?? '').slice(0, 200);
}

/** Without the query: it may hold what the audit log should not. */
function pathOf({ url = '' }: IncomingMessage): string {
  return (url.split('?', 1)[0] ?? '').slice(0, 200);
}

function lessen(counts: Map<string, number>, key: string): void {
  const count = (counts.get(key) ?? 1) - 1;
  if (count > 0) counts.set(key, count);
  else counts.delete(key);
}
