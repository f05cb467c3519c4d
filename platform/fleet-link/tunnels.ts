import { pipeline, type Duplex } from 'node:stream';
import { Metadata } from '@grpc/grpc-js';
import type { LinkClient, OpenTunnel } from '../contracts/fleet/index.ts';
import { NameSchema } from '../contracts/index.ts';
import { BulkheadError, describeError, type Logger } from '../kernel/index.ts';
import { fleetAuthor, hasRole } from './roles.ts';
import { TunnelStream } from './tunnel-stream.ts';

const MAX_TUNNELS = 128;
/** The fleet waits five seconds for a tunnel; the page has to answer before. */
const OPEN_MS = 4_000;
const ID = /^[A-Za-z0-9_.-]{8,128}$/;
const MAX_USER_CHARACTERS = 256;

/** Names of gRPC metadata, see fleet.proto. */
const TUNNEL_METADATA = 'bulkhead-tunnel';
const REFUSED_METADATA = 'bulkhead-refused';
const UPLINK_KEY_METADATA = 'bulkhead-uplink-key';

/** The web pages of instruments, as far as tunnels need them. */
export interface InstrumentPages {
  /** Why the page of this instrument may not be opened now; undefined = it may. Cheap. */
  refuses: (instrument: string) => string | undefined;
  /** A connection to it. */
  connect: (instrument: string, signal: AbortSignal) => Promise<Duplex>;
}

/**
 * Connections of people to the pages of instruments. Whether one may be opened is decided here once more, whatever the fleet
 * decided: the person's role, the instrument's grant; and again while it is open.
 *
 * INVARIANTS: at most 128 at once; an id is used once at a time; `stop` ends all.
 */
export class Tunnels {
  readonly #log: Logger;
  readonly #pages: InstrumentPages;
  readonly #client: Pick<LinkClient, 'tunnel'>;
  readonly #open = new Map<string, { instrument: string; end: () => void }>();

  constructor(parts: { log: Logger; pages: InstrumentPages; client: Pick<LinkClient, 'tunnel'> }) {
    this.#log = parts.log;
    this.#pages = parts.pages;
    this.#client = parts.client;
  }

  get open(): number {
    return this.#open.size;
  }

  /** Opens what the fleet asked for, or tells it why not. Never rejects. */
  async answer(asked: OpenTunnel): Promise<void> {
    if (!ID.test(asked.id)) {
      this.#log.warn('the fleet asked for a tunnel with an id that cannot be; nothing was opened');
      return;
    }
    try {
      await this.#connect(asked);
    } catch (error) {
      const code = error instanceof BulkheadError ? error.code : 'FLEET_LINK_UI_REFUSED';
      this.#log.info(
        { err: error, user: fleetAuthor(asked.user) },
        `a page was not opened for the fleet: ${describeError(error)}`,
      );
      this.#refuse(asked.id, code);
    }
  }

  /** Ends those whose instrument may not be reached any more. */
  check(): void {
    for (const { instrument, end } of this.#open.values()) {
      if (this.#pages.refuses(instrument) !== undefined) end();
    }
  }

  stop(): void {
    for (const { end } of this.#open.values()) end();
  }

  async #connect({ id, target, user, roles }: OpenTunnel): Promise<void> {
    const instrument = target?.value ?? '';
    if (target?.$case !== 'instrumentUi' || !NameSchema.safeParse(instrument).success || this.#open.has(id)) {
      throw new BulkheadError({
        code: 'FLEET_LINK_TUNNEL_INVALID',
        message: 'The fleet asked for a connection to something that is no page of an instrument.',
        hint: 'This is a fault of the fleet, or of somebody in its place. Nothing was opened.',
      });
    }
    const why =
      user === '' || user.length > MAX_USER_CHARACTERS
        ? 'the fleet does not say for whom'
        : !hasRole(roles, 'viewer')
          ? 'this person has no role for it'
          : this.#pages.refuses(instrument);
    if (why !== undefined) throw refused(instrument, why);
    if (this.#open.size >= MAX_TUNNELS) {
      throw new BulkheadError({
        code: 'FLEET_LINK_TUNNEL_BUSY',
        message: `${String(MAX_TUNNELS)} connections to pages of this sensor are open already.`,
        hint: 'Close some, and try again.',
        fields: { limit: MAX_TUNNELS },
      });
    }
    const aborter = new AbortController();
    this.#open.set(id, { instrument, end: () => aborter.abort(new Error('it is not wanted any more')) });
    try {
      const late = AbortSignal.any([aborter.signal, AbortSignal.timeout(OPEN_MS)]);
      const page = await this.#pages.connect(instrument, late).catch((error: unknown) => {
        throw refused(instrument, `it does not answer: ${describeError(error)}`, error);
      });
      if (aborter.signal.aborted) {
        page.destroy();
        throw refused(instrument, 'it is not wanted any more');
      }
      this.#join(id, page, aborter.signal);
    } catch (error) {
      this.#open.delete(id);
      throw error;
    }
  }

  #join(id: string, page: Duplex, signal: AbortSignal): void {
    const tunnel = new TunnelStream(this.#client.tunnel(tunnelMetadata(id)));
    let ways = 2;
    const over = (error: Error | null | undefined): void => {
      ways -= 1;
      if (error !== null && error !== undefined) {
        tunnel.destroy();
        page.destroy();
      }
      if (ways === 0) this.#open.delete(id);
    };
    signal.addEventListener('abort', () => {
      tunnel.destroy();
      page.destroy();
    });
    pipeline(tunnel, page, over);
    pipeline(page, tunnel, over);
  }

  #refuse(id: string, code: string): void {
    const metadata = tunnelMetadata(id);
    metadata.set(REFUSED_METADATA, code);
    const call = this.#client.tunnel(metadata);
    call.on('error', () => undefined); // the fleet ends it, in whichever way
    call.resume();
    call.end();
  }
}

/** Bytes to the fleet's bus. @param publicKey of the bus, with which the fleet knows whom it lets in there */
export function openUplinkTunnel(client: Pick<LinkClient, 'tunnel'>, publicKey: string): Duplex {
  const metadata = tunnelMetadata('uplink');
  metadata.set(UPLINK_KEY_METADATA, publicKey);
  return new TunnelStream(client.tunnel(metadata));
}

function tunnelMetadata(id: string): Metadata {
  const metadata = new Metadata();
  metadata.set(TUNNEL_METADATA, id);
  return metadata;
}

function refused(instrument: string, why: string, cause?: unknown): BulkheadError {
  return new BulkheadError({
    code: 'FLEET_LINK_UI_REFUSED',
    message: `The page of ${instrument} was not opened: ${why}`,
    hint: 'The instrument must run, be granted `ui`, and the person must have a role for it.',
    fields: { instrument },
    cause,
  });
}
