import type { X509Certificate } from 'node:crypto';
import { checkServerIdentity, createSecureContext, type SecureContext } from 'node:tls';
import { FLEET_SERVER_NAME, SensorIdSchema } from '@bulkhead/platform/contracts';
import { BulkheadError, type Logger } from '@bulkhead/platform/kernel';
import { DAY_MS, openAuthority, readCertificate, type Authority } from './authority.ts';
import { issueForSensor, type IssuedCertificate, type RequestedKey } from './issue.ts';
import { givenPair, ownServerPair, PageContexts, type ServerKeyPair } from './server-identity.ts';

export interface CaOptions {
  /** `ca/` of the state folder. */
  dir: string;
  /** DNS names and IP addresses by which people and sensors reach the fleet. */
  names: readonly string[];
  /** Below it are the pages of instruments: `<instrument>.<sensor>.<baseDomain>`. */
  baseDomain?: string;
  /** For people, in place of our own CA's. Sensors are always shown our own. */
  given?: { certFile: string; keyFile: string };
  log: Logger;
  now?: () => number;
}

/** Who holds a certificate of ours. */
export interface Holder {
  sensor: string;
  /** 32 hexadecimal digits in lower case. */
  serial: string;
  notAfterMs: number;
  certificate: X509Certificate;
}

/** What the web listener needs; `onChange` is called with every new pair. */
export interface WebIdentity {
  current(): ServerKeyPair;
  onChange(use: (pair: ServerKeyPair) => void): void;
  /** For `SNICallback`: the name that sensors ask for, and names of instruments' pages, have certificates of our own CA. */
  contextFor(servername: string): Promise<SecureContext | undefined>;
}

const LOOK_EVERY_MS = 3_600_000;

/**
 * The fleet's own CA and the certificates of its listeners.
 *
 * INVARIANTS: one look at the server certificates at a time; a look that fails leaves what is in use in use. `stop` ends the
 * looking, nothing else.
 */
export class Ca {
  readonly #authority: Authority;
  readonly #options: CaOptions;
  readonly #now: () => number;
  readonly #pages: PageContexts;
  readonly #webListeners = new Set<(pair: ServerKeyPair) => void>();
  readonly #linkListeners = new Set<(pair: ServerKeyPair) => void>();
  #own: { pair: ServerKeyPair; notAfterMs: number };
  #given: (ServerKeyPair & { notAfterMs: number }) | undefined;
  #ownContext: SecureContext;
  #looking: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  private constructor(
    authority: Authority,
    options: CaOptions,
    own: { pair: ServerKeyPair; notAfterMs: number },
    given: (ServerKeyPair & { notAfterMs: number }) | undefined,
  ) {
    this.#authority = authority;
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#own = own;
    this.#given = given;
    this.#ownContext = contextOf(own.pair);
    this.#pages = new PageContexts(authority, this.#now);
  }

  /** @throws BulkheadError FLEET_CA_DAMAGED, FLEET_CA_GIVEN_UNUSABLE */
  static async open(options: CaOptions): Promise<Ca> {
    const nowMs = (options.now ?? Date.now)();
    const authority = await openAuthority(options.dir, nowMs);
    const own = await ownServerPair(authority, options.dir, options.names, nowMs);
    const given = options.given === undefined ? undefined : await givenPair(options.given);
    return new Ca(authority, options, own, given);
  }

  /** PEM. */
  get certificate(): string {
    return this.#authority.certificate;
  }

  /** SHA-256 of the certificate, base64url: stands in join tokens. */
  get fingerprint(): string {
    return this.#authority.fingerprint;
  }

  /** Looks every hour whether a certificate has to be renewed. */
  start(): void {
    this.#timer ??= setInterval(() => {
      this.look().catch((error: unknown) => {
        this.#options.log.error({ err: error }, 'the server certificate could not be renewed');
      });
    }, LOOK_EVERY_MS).unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    await this.#looking?.catch(() => undefined);
  }

  /** Renews what is due and reads given files again. */
  async look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => (this.#looking = undefined));
    return this.#looking;
  }

  /** What the link shows: always of our own CA. */
  linkPair(): ServerKeyPair {
    return this.#own.pair;
  }

  onLinkPair(use: (pair: ServerKeyPair) => void): void {
    this.#linkListeners.add(use);
  }

  readonly web: WebIdentity = {
    current: () => this.#given ?? this.#own.pair,
    onChange: (use) => void this.#webListeners.add(use),
    contextFor: (servername) => this.#contextFor(servername.toLowerCase()),
  };

  /** A certificate for `sensor`; the caller keeps the record of it. */
  async issue(sensor: string, key: RequestedKey): Promise<IssuedCertificate> {
    return issueForSensor(this.#authority, sensor, key, this.#now());
  }

  /**
   * Reads who a certificate was issued to, whether expired or not. That the other side holds its key is for the caller to know.
   * @throws BulkheadError FLEET_CA_CERTIFICATE_REFUSED: it is none of ours, or none of a sensor
   */
  identify(pemOrDer: string | Uint8Array): Holder {
    const certificate = readCertificate(pemOrDer);
    const ours = certificate?.verify(this.#authority.parsed.publicKey) === true;
    const sensor = SensorIdSchema.safeParse(/^CN=(.*)$/.exec(certificate?.subject ?? '')?.[1]);
    if (certificate === undefined || !ours || !sensor.success || certificate.ca) {
      throw new BulkheadError({
        code: 'FLEET_CA_CERTIFICATE_REFUSED',
        message: 'The certificate was not issued to a sensor by this fleet.',
      });
    }
    return {
      sensor: sensor.data,
      serial: certificate.serialNumber.toLowerCase(),
      notAfterMs: Date.parse(certificate.validTo),
      certificate,
    };
  }

  /** Certificates of the fleet itself that end soon. `id` stays the same for as long as the matter stands. */
  expiring(): { what: 'ca' | 'given' | 'own'; notAfterMs: number; days: number }[] {
    const ends = [
      { what: 'ca' as const, notAfterMs: this.#authority.notAfterMs, warnMs: 365 * DAY_MS },
      { what: 'own' as const, notAfterMs: this.#own.notAfterMs, warnMs: 14 * DAY_MS },
      { what: 'given' as const, notAfterMs: this.#given?.notAfterMs ?? Infinity, warnMs: 14 * DAY_MS },
    ];
    return ends
      .filter(({ notAfterMs, warnMs }) => notAfterMs - this.#now() < warnMs)
      .map(({ what, notAfterMs }) => ({
        what,
        notAfterMs,
        days: Math.floor((notAfterMs - this.#now()) / DAY_MS),
      }));
  }

  async #look(): Promise<void> {
    const { dir, names, given, log } = this.#options;
    const own = await ownServerPair(this.#authority, dir, names, this.#now());
    if (own.fresh) {
      this.#own = own;
      this.#ownContext = contextOf(own.pair);
      log.info({ until: new Date(own.notAfterMs).toISOString() }, 'a new server certificate is in use');
      for (const use of this.#linkListeners) use(own.pair);
      if (this.#given === undefined) for (const use of this.#webListeners) use(own.pair);
    }
    if (given === undefined) return;
    const read = await givenPair(given);
    if (read.cert === this.#given?.cert && read.key === this.#given.key) return;
    this.#given = read;
    for (const use of this.#webListeners) use(read);
  }

  async #contextFor(servername: string): Promise<SecureContext | undefined> {
    if (servername === FLEET_SERVER_NAME) return this.#ownContext;
    const shown = readCertificate(this.web.current().cert);
    if (shown !== undefined && checkServerIdentity(servername, shown.toLegacyObject()) === undefined)
      return undefined;
    const [, parent = '', base] = /^[a-z0-9-]{1,63}\.([a-z0-9-]{1,63}\.(.+))$/.exec(servername) ?? [];
    return base !== undefined && base === this.#options.baseDomain?.toLowerCase()
      ? this.#pages.of(parent)
      : undefined;
  }
}

function contextOf({ key, cert }: ServerKeyPair): SecureContext {
  return createSecureContext({ key, cert, minVersion: 'TLSv1.2' });
}
