import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { hasCode, BulkheadError, type Logger } from '@bulkhead/platform/kernel';
import { readCookie, UI_COOKIE } from './cookies.ts';
import { ENTER_PATH, Entrance } from './entrance.ts';
import { Exchange } from './exchange.ts';
import { Hosts } from './host.ts';
import { Grants, nameOf, type Credential, type Grant } from './grants.ts';
import { Lives } from './lives.ts';
import { checkOrigin } from './origin-checks.ts';
import { Pools } from './pools.ts';
import { refusal } from './refusal.ts';
import { Replies } from './replies.ts';
import { checkFraming, isSafe } from './request-headers.ts';
import { checkTarget } from './request-target.ts';
import { enforcedHeaders } from './response-headers.ts';
import type { Audit, AuditNote, People, Place, Sensors, Visitor, Ways } from './types.ts';
import { checkUpgrade, Upgrade } from './upgrade.ts';

/** Requests of all people to one page that are under way; a page that hangs must not hold the fleet's memory. */
const AT_ONCE_MOST = 256;
/** Streams of events and WebSockets of one person. */
const STREAMS_MOST = 64;

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
}

/** Serves the names below the base domain; the listener gives it what belongs there. */
export interface Proxy {
  /** @param host in lower case, without the port */
  serves(host: string): boolean;
  request(request: IncomingMessage, response: ServerResponse): void;
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
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
  readonly #hosts: Hosts;
  readonly #pools: Pools;
  readonly #lives: Lives;
  readonly #replies: Replies;
  readonly #enforced: readonly string[];
  readonly #grants: Grants;
  readonly #entrance: Entrance;
  readonly #atOnce = new Map<string, number>();
  readonly #streams = new Map<string, number>();
  #unwatch: (() => void) | undefined;

  constructor(options: ProxyOptions) {
    this.#options = options;
    this.#hosts = new Hosts(options);
    this.#pools = new Pools(options.ways);
    this.#grants = new Grants(options.people, options.sensors, (host) => this.#hosts.find(host));
    this.#entrance = new Entrance({ ...options, hosts: this.#hosts, grants: this.#grants });
    this.#lives = new Lives((nowMs) => {
      this.#grants.forget();
      this.#pools.tidy(nowMs);
    });
    this.#replies = new Replies(options.scheme);
    this.#enforced = enforcedHeaders(options.scheme);
  }

  serves(host: string): boolean {
    return this.#hosts.covers(host) && !this.#options.knowsHost(host);
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

  request(request: IncomingMessage, response: ServerResponse): void {
    const asked: Asked = {};
    try {
      const { path, own } = this.#judgeAddress(request);
      if (own) {
        this.#own(request, response, path);
        return;
      }
      this.#pass(request, response, this.#judge(request, asked, false));
    } catch (error) {
      this.#refuse(request, response, error, asked);
    }
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const asked: Asked = {};
    const fail = (error: unknown) => {
      this.#noteRefusal(request, error, asked);
      this.#replies.refuseUpgrade(socket, error);
    };
    try {
      if (this.#judgeAddress(request).own) throw nothingThere();
      checkUpgrade(request);
      const grant = this.#judge(request, asked, true);
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
  #judge(request: IncomingMessage, asked: Asked, isUpgrade: boolean): Grant {
    const { headers } = request;
    const { origin } = this.#hosts.read(headers.host);
    const credential = credentialOf(request);
    const grant = this.#grants.decide(credential, headers.host, origin, addressOf(request), (visitor) => {
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
    if (count >= AT_ONCE_MOST) {
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
  #own(request: IncomingMessage, response: ServerResponse, path: string): void {
    if (path !== ENTER_PATH) throw nothingThere();
    this.#entrance
      .enter(request, addressOf(request))
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
    if (count >= STREAMS_MOST) return undefined;
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

/** A token counts for more than a cookie: who sends one means it. Other kinds of Authorization let nobody in. */
function credentialOf({ headers }: IncomingMessage): Credential | undefined {
  if (headers.authorization !== undefined) {
    const secret = /^Bearer ([\w.~+/-]{16,200})$/i.exec(headers.authorization)?.[1];
    return secret === undefined ? undefined : { kind: 'token', secret };
  }
  const cookie = readCookie(headers.cookie, UI_COOKIE);
  return cookie === undefined ? undefined : { kind: 'session', cookie };
}

function lessen(counts: Map<string, number>, key: string): void {
  const count = (counts.get(key) ?? 1) - 1;
  if (count > 0) counts.set(key, count);
  else counts.delete(key);
}
