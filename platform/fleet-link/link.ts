import { randomUUID } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Hello, Welcome } from '../contracts/fleet/index.ts';
import type { Hardware } from '../contracts/index.ts';
import { describeError, type Logger } from '../kernel/index.ts';
import type { SensorApi } from './ask-runner.ts';
import type { Attachment } from './attachment.ts';
import { clockWrong, lifeOf } from './certificates.ts';
import { CertificateKeeper } from './certificate-keeper.ts';
import { checkClaims, type Claims } from './cut-off.ts';
import { DesiredConfigs, type DesiredConfigParts } from './desired-config.ts';
import { joinFleet, type JoinRequest } from './join.ts';
import { notJoined, reasonOf } from './link-reasons.ts';
import { LinkState, type FleetStatus } from './link-state.ts';
import { MembershipStore, type Membership } from './membership.ts';
import { PACE, type Pace } from './reconnect.ts';
import { down } from './session.ts';
import type { InstrumentPages } from './tunnels.ts';

const PROTOCOL = 1;
/** A link that ended sooner counts as a failed try: a fleet that lets in and throws out is not asked each second. */
const LASTED_MS = 10_000;

/** What a sensor gives its link. */
export interface FleetLinkParts {
  log: Logger;
  /** `stateDir/fleet`; made when the sensor joins. */
  dir: string;
  version: string;
  hardware: () => Promise<Hardware>;
  /** What `GET /v1/status` says. */
  status: () => Promise<unknown>;
  api: SensorApi;
  pages: InstrumentPages;
  /** The document in force. */
  config: () => string | undefined;
  /** What a document would take of the machine. @throws BulkheadError when it is none. */
  claimsOf: (document: string) => Claims;
  /** @see DesiredConfigParts.apply */
  applyConfig: DesiredConfigParts['apply'];
  /** @see DesiredConfigParts.proof; absent: it never goes back by itself. */
  goBack?: NonNullable<DesiredConfigParts['proof']>['goBack'];
  pace?: Partial<Pace>;
}

/**
 * The sensor's end of its fleet: joins, stays in touch for as long as both are there, leaves.
 *
 * INVARIANTS: at most one connection at a time. `start`, `join`, `leave` and `stop` run one after another, in any order: people are
 * heard before the sensor is up. After `stop` nothing connects. Nothing here throws into the sensor: without its fleet it works as
 * with it.
 */
export class FleetLink {
  readonly #parts: FleetLinkParts;
  readonly #pace: Pace;
  readonly #store: MembershipStore;
  readonly #desired: DesiredConfigs;
  readonly #state = new LinkState();
  readonly #instance = randomUUID();
  readonly #watchers = new Set<(up: boolean) => void>();
  #hardware: Buffer = Buffer.from('{}');
  #membership: Membership | undefined;
  #attachment: Attachment | undefined;
  #living: { end: AbortController; over: Promise<void> } | undefined;
  #opened: Promise<boolean> | undefined;
  #stopped = false;
  #turn: Promise<unknown> = Promise.resolve();
  readonly #keeper: CertificateKeeper;

  constructor(parts: FleetLinkParts) {
    this.#parts = parts;
    this.#pace = { ...PACE, ...parts.pace };
    this.#store = new MembershipStore(parts.dir);
    this.#keeper = new CertificateKeeper({ ...parts, store: this.#store, renewMs: this.#pace.renewMs });
    this.#desired = new DesiredConfigs({
      log: parts.log,
      store: this.#store,
      check: (document) => this.#check(document),
      apply: parts.applyConfig,
      ...(parts.goBack && {
        proof: { reached: () => this.#state.reaches, goBack: parts.goBack, pace: this.#pace.proof },
      }),
      report: (value) => {
        void this.#attachment?.send({ $case: 'configResult', value }).catch(() => undefined);
      },
    });
  }

  /** Connects in the background when the sensor belongs to a fleet. */
  async start(): Promise<void> {
    await this.#exclusive(async () => {
      const readable = await this.open();
      this.#desired.prove();
      if (readable && this.#living === undefined) this.#live();
    });
  }

  /** Reads, once, what fleet the sensor belongs to; connects to nobody. @returns whether the record can be read */
  async open(): Promise<boolean> {
    this.#opened ??= (async () => {
      try {
        this.#membership = await this.#store.read();
        await this.#desired.open();
        if (this.#membership !== undefined) this.#state.set('connecting');
        return true;
      } catch (error) {
        this.#state.set('refused', error);
        this.#parts.log.error({ err: error }, `the sensor works without its fleet: ${describeError(error)}`);
        return false;
      }
    })();
    return this.#opened;
  }

  async stop(): Promise<void> {
    await this.#exclusive(async () => {
      this.#stopped = true;
      await this.#rest();
      await this.#desired.stop();
    });
  }

  /** @see joinFleet */
  async join(request: JoinRequest): Promise<FleetStatus & { joined: boolean }> {
    const joined = await this.#exclusive(async () => {
      await this.open();
      const outcome = await joinFleet({ ...this.#parts, store: this.#store }, request);
      if (!outcome.changed) return outcome.joined;
      await this.#rest();
      await this.#desired.idle();
      if (outcome.joined) await this.#desired.forget();
      this.#membership = outcome.membership;
      this.#live();
      return outcome.joined;
    });
    return { ...this.status(), joined };
  }

  /** Forgets the fleet and destroys the key. @throws BulkheadError FLEET_LINK_NOT_JOINED */
  async leave(): Promise<{ left: string }> {
    return this.#exclusive(async () => {
      await this.open();
      const left = this.#membership?.sensor;
      if (left === undefined && this.#state.phase === 'none') throw notJoined();
      const notice = { kind: 'left', message: 'The sensor left the fleet.' };
      await Promise.race([this.notify(notice).catch(() => undefined), sleep(1_000)]);
      await this.#rest();
      await this.#desired.idle();
      await this.#store.remove();
      await this.#desired.forget();
      this.#membership = undefined;
      this.#state.set('none');
      this.#parts.log.info({ sensor: left }, 'the sensor left its fleet');
      return { left: left ?? 'a fleet whose record was damaged' };
    });
  }

  status(): FleetStatus {
    const { tunnels = 0, asks = 0 } = this.#attachment ?? {};
    return this.#state.shown(this.#membership, this.#desired.record, { tunnels, asks });
  }

  attention(): string[] {
    const refused = this.#membership === undefined ? [] : this.#desired.attention();
    return [...this.#state.attention(), ...refused];
  }

  /** Id in the fleet; undefined when it belongs to none. */
  get sensor(): string | undefined {
    return this.#membership?.sensor;
  }

  get up(): boolean {
    return this.#attachment?.open ?? false;
  }

  /** Called with each change of `up`. @returns ends it */
  watch(changed: (up: boolean) => void): () => void {
    this.#watchers.add(changed);
    return () => this.#watchers.delete(changed);
  }

  /**
   * A stream of bytes to the fleet's bus. It ends with the link; open another when the link is up again.
   * @param publicKey (nkey) of the sensor's bus: the only one that the fleet's bus then lets in
   * @throws BulkheadError FLEET_LINK_DOWN
   */
  async openUplink(publicKey: string): Promise<Duplex> {
    if (this.#attachment === undefined) throw down();
    return this.#attachment.openUplink(publicKey);
  }

  /** Something that a person of the fleet may want to know at once. @throws BulkheadError FLEET_LINK_DOWN */
  async notify(notice: { kind: string } & Record<string, unknown>): Promise<void> {
    if (!this.up || this.#attachment === undefined) throw down();
    await this.#attachment.send({
      $case: 'notice',
      value: { noticeJson: Buffer.from(JSON.stringify(notice)) },
    });
  }

  #live(): void {
    if (this.#membership === undefined) {
      this.#state.set('none');
      return;
    }
    this.#state.set('connecting');
    if (this.#stopped) return;
    const end = new AbortController();
    const over = this.#loop(end.signal).catch((error: unknown) => {
      if (!end.signal.aborted) this.#parts.log.error({ err: error }, 'the link to the fleet ended for good');
    });
    this.#living = { end, over };
  }

  async #rest(): Promise<void> {
    this.#living?.end.abort();
    this.#attachment?.close();
    await this.#living?.over;
    this.#living = undefined;
  }

  async #loop(signal: AbortSignal): Promise<void> {
    let failures = 0;
    let asked = 0;
    const pause = async (ms: number): Promise<void> => {
      this.#state.nextTry = new Date(Date.now() + ms);
      await sleep(ms, undefined, { signal });
    };
    const over = (): boolean => signal.aborted;
    while (!over()) {
      const membership = this.#membership;
      if (membership === undefined) return;
      const { state } = lifeOf(membership.chainPem);
      if (state === 'early') {
        this.#state.set('clock', clockWrong(membership.chainPem));
        await pause(this.#pace.lookMs);
      } else if (state === 'over') {
        if (await this.#comeBack(membership, signal)) asked = 0;
        else await pause(this.#pace.comeBack((asked += 1)));
      } else {
        const end = await this.#attachOnce(membership, signal);
        if (over()) return;
        failures = end === 'lasted' ? 0 : failures + 1;
        // We ended it ourselves, to show a new certificate.
        if (end !== 'renewed') await pause(this.#pace.reconnect(failures));
      }
    }
  }

  async #attachOnce(membership: Membership, signal: AbortSignal): Promise<'lasted' | 'failed' | 'renewed'> {
    const { log, hardware, status, api, pages } = this.#parts;
    const over = (): boolean => signal.aborted;
    if (this.#state.phase !== 'refused') this.#state.set('connecting', this.#state.error);
    this.#hardware = Buffer.from(JSON.stringify(await hardware().catch(() => ({}))));
    // Loaded by who belongs to a fleet: gRPC takes memory that every other sensor would pay for.
    const { Attachment } = await import('./attachment.ts');
    const { openClient } = await import('./channel.ts');
    if (over()) return 'failed';
    const attachment = new Attachment({
      log,
      client: openClient(membership),
      hello: () => this.#hello(),
      status,
      api,
      pages,
      desired: this.#desired,
      welcomed: (welcome) => {
        this.#welcomed(welcome);
      },
      renewalAsked: () => {
        void renewNow();
      },
    });
    this.#attachment = attachment;
    const ended = new AbortController();
    const renewal = { done: false };
    const renewNow = async (): Promise<void> => {
      const next = await this.#keeper.renew(attachment.client, membership, ended.signal);
      if (next === undefined) return;
      this.#membership = next;
      renewal.done = true;
      attachment.close();
    };
    const looking = setInterval(() => {
      if (attachment.open && lifeOf(membership.chainPem).state !== 'good') void renewNow();
    }, this.#pace.lookMs);
    const startedMs = performance.now();
    const { welcomed, error } = await attachment.run();
    clearInterval(looking);
    ended.abort(new Error('the link ended'));
    await this.#keeper.idle();
    this.#attachment = undefined;
    if (welcomed) this.#tell(false);
    if (over()) return 'failed';
    if (renewal.done) return 'renewed';
    const why = await reasonOf(error, welcomed, membership);
    this.#state.set(why?.code === 'FLEET_LINK_REFUSED' ? 'refused' : 'connecting', why);
    if (why !== undefined) log.warn({ err: why }, `no link to the fleet: ${describeError(why)}`);
    return welcomed && performance.now() - startedMs > LASTED_MS ? 'lasted' : 'failed';
  }

  #hello(): Hello {
    return {
      protocol: PROTOCOL,
      version: this.#parts.version,
      clockMs: Date.now(),
      instance: this.#instance,
      configRevision: this.#desired.inForce,
      hardwareJson: this.#hardware,
    };
  }

  #welcomed({ clockMs, fleetVersion }: Welcome): void {
    this.#state.fleetVersion = fleetVersion.slice(0, 64);
    this.#state.clockAheadMs = Date.now() - clockMs;
    this.#state.set('up');
    this.#parts.log.info({ sensor: this.sensor, fleetVersion }, 'the link to the fleet is up');
    this.#tell(true);
  }

  /** @returns whether the sensor has a good certificate again */
  async #comeBack(membership: Membership, signal: AbortSignal): Promise<boolean> {
    const { phase, error, membership: next } = await this.#keeper.comeBack(membership, signal);
    this.#membership = next;
    if (phase !== undefined && !signal.aborted) this.#state.set(phase, error);
    return phase === undefined;
  }

  async #check(document: string): Promise<void> {
    if (this.#membership === undefined) throw notJoined();
    await checkClaims(document, this.#parts, this.#membership.proxy ?? this.#membership.link);
  }

  #tell(up: boolean): void {
    for (const changed of this.#watchers) changed(up);
  }

  async #exclusive<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }
}
