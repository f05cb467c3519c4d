import { randomUUID } from 'node:crypto';
import { pipeline, type Duplex } from 'node:stream';
import { ChannelCredentials, Metadata, type ClientDuplexStream, type ServiceError } from '@grpc/grpc-js';
import { FLEET_SERVER_NAME } from '@bulkhead/platform/contracts';
import {
  LinkClient,
  type Ask,
  type FromFleet,
  type FromSensor,
  type Hello,
  type OpenTunnel,
  type TunnelFrame,
  type Welcome,
} from '@bulkhead/platform/contracts/fleet';
import { TunnelStream } from '../../../platform/fleet-link/tunnel-stream.ts';

/** What a sensor has of its fleet: PEM. */
export interface SensorIdentity {
  sensor: string;
  key: string;
  certificate: string;
  ca: string;
}

export interface SimulatedSensorOptions extends SensorIdentity {
  /** `127.0.0.1:8444` */
  address: string;
  hello?: Partial<Hello>;
  /** 0: it never lets itself be heard. */
  heartbeatMs?: number;
  /** Its own API. Default: it repeats what it was asked. */
  answer?: (ask: Ask, cancelled: AbortSignal) => SimulatedAnswer | Promise<SimulatedAnswer>;
  /** What a tunnel leads to; a string is the code with which it is refused. Default: it is not opened. */
  page?: (open: OpenTunnel) => Duplex | string | undefined;
  /** It ignores credit, as a sensor of an earlier version does. */
  ignoresCredit?: boolean;
}

export interface SimulatedAnswer {
  status: number;
  body: AsyncIterable<Buffer> | Iterable<Buffer>;
}

type Call = ClientDuplexStream<FromSensor, FromFleet>;

/**
 * A sensor as far as a fleet can tell: the real protocol over real gRPC with a real certificate, and nothing behind it. It does
 * only what a test says; its clock, its silence and its answers are the test's.
 */
export class SimulatedSensor {
  readonly instance: string;
  readonly client: LinkClient;
  /** Everything that came, without heartbeats; the newest 200. */
  readonly received: NonNullable<FromFleet['what']>[] = [];
  heartbeats = 0;
  readonly #options: SimulatedSensorOptions;
  readonly #asks = new Map<number, { abort: AbortController; credit: number; more: () => void }>();
  #call: Call | undefined;
  #ended: Promise<ServiceError> | undefined;
  #beat: NodeJS.Timeout | undefined;

  constructor(options: SimulatedSensorOptions) {
    this.#options = options;
    this.instance = options.hello?.instance ?? randomUUID();
    this.client = new LinkClient(
      options.address,
      ChannelCredentials.createSsl(
        Buffer.from(options.ca),
        Buffer.from(options.key),
        Buffer.from(options.certificate),
      ),
      {
        'grpc.ssl_target_name_override': FLEET_SERVER_NAME,
        'grpc.use_local_subchannel_pool': 1,
        'grpc.enable_retries': 0,
        'grpc.enable_channelz': 0,
        'grpc-node.flow_control_window': 1 << 20,
        'grpc.max_receive_message_length': 2 << 20,
        'grpc.initial_reconnect_backoff_ms': 100,
        'grpc.max_reconnect_backoff_ms': 1_000,
      },
    );
  }

  get sensor(): string {
    return this.#options.sensor;
  }

  /** Attaches and resolves when it is welcome. @throws ServiceError as gRPC tells it */
  async attach(): Promise<Welcome> {
    const call = this.openAttach();
    call.write({ what: { $case: 'hello', value: this.hello() } });
    return new Promise((resolve, reject) => {
      call.once('error', reject);
      call.once('end', () => {
        reject(new Error('the fleet ended the call'));
      });
      call.on('data', (message: FromFleet) => {
        if (message.what?.$case === 'welcome') resolve(message.what.value);
        this.#receive(message);
      });
      const { heartbeatMs = 1_000 } = this.#options;
      if (heartbeatMs === 0) return;
      this.#beat = setInterval(() => {
        this.send({ $case: 'heartbeat', value: { clockMs: Date.now() } });
      }, heartbeatMs);
    });
  }

  /** The bare call: says nothing by itself. */
  openAttach(): Call {
    const call = this.client.attach();
    this.#call = call;
    // From the beginning: a link can be over before anybody has asked how.
    this.#ended = new Promise((resolve) => {
      call.once('error', resolve);
    });
    return call;
  }

  /** How the present link ended. */
  async ended(): Promise<ServiceError> {
    if (this.#ended === undefined) throw new Error('it was not attached');
    return this.#ended;
  }

  hello(): Hello {
    return {
      protocol: 1,
      version: '0.1.0',
      clockMs: Date.now(),
      configRevision: 0,
      hardwareJson: Buffer.from('{"nics":[]}'),
      ...this.#options.hello,
      instance: this.instance,
    };
  }

  send(what: NonNullable<FromSensor['what']>): boolean {
    return this.#call?.write({ what }) ?? false;
  }

  sendState(status: unknown): void {
    this.send({ $case: 'state', value: { statusJson: Buffer.from(JSON.stringify(status)) } });
  }

  openUplink(publicKey?: string): Duplex {
    const metadata = new Metadata();
    metadata.set('bulkhead-tunnel', 'uplink');
    if (publicKey !== undefined) metadata.set('bulkhead-uplink-key', publicKey);
    return new TunnelStream(this.client.tunnel(metadata));
  }

  /** A Tunnel call with this id, as bare frames. */
  openTunnelCall(id: string, refused?: string): ClientDuplexStream<TunnelFrame, TunnelFrame> {
    const metadata = new Metadata();
    metadata.set('bulkhead-tunnel', id);
    if (refused !== undefined) metadata.set('bulkhead-refused', refused);
    const call = this.client.tunnel(metadata);
    call.on('error', () => undefined);
    return call;
  }

  async renew(csr: Buffer): Promise<Buffer[]> {
    return new Promise((resolve, reject) => {
      this.client.renew({ csr }, (error, reply) => {
        if (error === null) resolve(reply.chain);
        else reject(error);
      });
    });
  }

  /** Says nothing any more; the connection stays. */
  fallSilent(): void {
    clearInterval(this.#beat);
  }

  /** Leaves, as a process that ends does. */
  close(): void {
    clearInterval(this.#beat);
    for (const { abort } of this.#asks.values()) abort.abort();
    this.#call?.cancel();
    this.client.close();
  }

  #receive({ what }: FromFleet): void {
    if (what === undefined) return;
    if (what.$case === 'heartbeat') {
      this.heartbeats += 1;
      return;
    }
    this.received.push(what);
    if (this.received.length > 200) this.received.shift();
    switch (what.$case) {
      case 'ask':
        void this.#answer(what.value);
        break;
      case 'cancelAsk':
        this.#asks.get(what.value.id)?.abort.abort();
        break;
      case 'answerCredit': {
        const ask = this.#asks.get(what.value.id);
        if (ask !== undefined) {
          ask.credit += what.value.bytes;
          ask.more();
        }
        break;
      }
      case 'openTunnel':
        this.#openTunnel(what.value);
        break;
      default:
    }
  }

  async #answer(ask: Ask): Promise<void> {
    const abort = new AbortController();
    const running = { abort, credit: ask.windowBytes, more: (): void => undefined };
    this.#asks.set(ask.id, running);
    abort.signal.addEventListener('abort', () => running.more());
    try {
      const echo = { status: 200, body: [Buffer.from(JSON.stringify(ask))] };
      const { status, body } = (await this.#options.answer?.(ask, abort.signal)) ?? echo;
      const isOver = () => abort.signal.aborted;
      let first = true;
      for await (const chunk of body) {
        if (isOver()) return;
        while (this.#options.ignoresCredit !== true && running.credit <= 0) {
          await new Promise<void>((resolve) => {
            running.more = resolve;
          });
          if (isOver()) return;
        }
        running.credit -= chunk.length;
        this.send({ $case: 'answer', value: { id: ask.id, status: first ? status : 0, chunk, end: false } });
        first = false;
      }
      const value = { id: ask.id, status: first ? status : 0, chunk: Buffer.alloc(0), end: true };
      this.send({ $case: 'answer', value });
    } finally {
      this.#asks.delete(ask.id);
    }
  }

  #openTunnel(open: OpenTunnel): void {
    const page = this.#options.page?.(open);
    if (page === undefined) return;
    if (typeof page === 'string') {
      const call = this.openTunnelCall(open.id, page);
      call.resume();
      call.end();
      return;
    }
    const tunnel = new TunnelStream(this.openTunnelCall(open.id));
    const over = (error: Error | null | undefined) => {
      if (error === null || error === undefined) return;
      tunnel.destroy();
      page.destroy();
    };
    pipeline(tunnel, page, over);
    pipeline(page, tunnel, over);
  }
}
