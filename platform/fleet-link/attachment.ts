import type { Duplex } from 'node:stream';
import type { FromFleet, Hello, LinkClient, Welcome } from '../contracts/fleet/index.ts';
import type { Logger } from '../kernel/index.ts';
import { AskRunner, type SensorApi } from './ask-runner.ts';
import type { DesiredConfigs } from './desired-config.ts';
import { AttachSession, down, type SessionEnd } from './session.ts';
import { sendState } from './state-sender.ts';
import { openUplinkTunnel, Tunnels, type InstrumentPages } from './tunnels.ts';

/** How often open pages are judged again. */
const CHECK_MS = 2_000;

export interface AttachmentParts {
  log: Logger;
  client: LinkClient;
  hello: () => Hello;
  status: () => Promise<unknown>;
  api: SensorApi;
  pages: InstrumentPages;
  desired: Pick<DesiredConfigs, 'receive'>;
  welcomed: (welcome: Welcome) => void;
  renewalAsked: () => void;
}

/**
 * What goes over one connection to the fleet: the attach stream, answers, pages and the uplink.
 *
 * INVARIANTS: `run` once; when it resolves, every answer and every tunnel of this connection has been ended.
 */
export class Attachment {
  readonly #parts: AttachmentParts;
  readonly #session: AttachSession;
  readonly #asks: AskRunner;
  readonly #tunnels: Tunnels;
  readonly #uplinks = new Set<Duplex>();
  readonly #over = new AbortController();

  constructor(parts: AttachmentParts) {
    this.#parts = parts;
    const { log, client, pages, api } = parts;
    this.#session = new AttachSession({
      client,
      hello: parts.hello,
      received: (message) => {
        this.#received(message);
      },
      welcomed: (welcome) => {
        this.#welcomed(welcome);
      },
    });
    this.#asks = new AskRunner({
      log,
      api,
      send: (value) => this.#session.send({ $case: 'answer', value }),
    });
    this.#tunnels = new Tunnels({ log, pages, client });
  }

  get open(): boolean {
    return this.#session.open;
  }

  get client(): LinkClient {
    return this.#parts.client;
  }

  get asks(): number {
    return this.#asks.running;
  }

  get tunnels(): number {
    return this.#tunnels.open;
  }

  get send(): AttachSession['send'] {
    return (what) => this.#session.send(what);
  }

  async run(): Promise<SessionEnd> {
    try {
      return await this.#session.run();
    } finally {
      this.#over.abort();
      this.#asks.stop();
      this.#tunnels.stop();
      for (const uplink of this.#uplinks) uplink.destroy();
      this.#parts.client.close();
    }
  }

  close(): void {
    this.#session.close();
  }

  /** Bytes to the fleet's bus. @throws BulkheadError FLEET_LINK_DOWN */
  openUplink(publicKey: string): Duplex {
    if (!this.open) throw down();
    const uplink = openUplinkTunnel(this.#parts.client, publicKey);
    this.#uplinks.add(uplink);
    // Whoever gets it listens too; until then an error must not end the process.
    uplink.on('error', () => undefined);
    uplink.once('close', () => this.#uplinks.delete(uplink));
    return uplink;
  }

  #welcomed(welcome: Welcome): void {
    const { log, status } = this.#parts;
    const { signal } = this.#over;
    this.#parts.welcomed(welcome);
    const send = (statusJson: Buffer) => this.#session.send({ $case: 'state', value: { statusJson } });
    void sendState({ log, status, send }, signal);
    const checking = setInterval(() => {
      this.#tunnels.check();
    }, CHECK_MS);
    signal.addEventListener('abort', () => {
      clearInterval(checking);
    });
  }

  #received(what: NonNullable<FromFleet['what']>): void {
    switch (what.$case) {
      case 'ask':
        void this.#asks.run(what.value);
        return;
      case 'cancelAsk':
        this.#asks.cancel(what.value.id);
        return;
      case 'answerCredit':
        this.#asks.credit(what.value.id, what.value.bytes);
        return;
      case 'openTunnel':
        void this.#tunnels.answer(what.value);
        return;
      case 'desiredConfig':
        this.#parts.desired.receive(what.value);
        return;
      case 'askRenewal':
        this.#parts.renewalAsked();
        return;
      case 'heartbeat':
      case 'welcome':
    }
  }
}
