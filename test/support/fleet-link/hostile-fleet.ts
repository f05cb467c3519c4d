import { Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';
import {
  LinkService,
  type FromFleet,
  type FromSensor,
  type TunnelFrame,
} from '@bulkhead/platform/contracts/fleet';

/** The other end of one attach stream. */
export interface HostileCall {
  readonly heard: NonNullable<FromSensor['what']>[];
  say: (what: NonNullable<FromFleet['what']>) => void;
  /** Parts of the answer to an ask, as far as they came. */
  answer: (id: number) => { status: number; text: string; ended: boolean };
  readonly stream: ServerDuplexStream<FromSensor, FromFleet>;
  over: boolean;
}

/** A fleet with the right certificates and no manners: whatever the test says goes down the link. */
export interface HostileFleet {
  readonly port: number;
  readonly calls: HostileCall[];
  /** Metadata of tunnels that the sensor opened. */
  readonly tunnels: { id: string; refused: string }[];
  readonly renewals: number;
  /** The newest call, once it said hello. */
  attached: () => HostileCall | undefined;
  close: () => void;
}

export interface HostileOptions {
  ca: string;
  certificate: string;
  key: string;
  /** Say welcome after hello; default true. */
  welcome?: boolean;
  port?: number;
}

export async function openHostileFleet({
  ca,
  certificate,
  key,
  welcome = true,
  port = 0,
}: HostileOptions): Promise<HostileFleet> {
  const server = new Server({ 'grpc.max_send_message_length': -1 });
  const calls: HostileCall[] = [];
  const tunnels: { id: string; refused: string }[] = [];
  let renewals = 0;
  server.addService(LinkService, {
    attach: (stream: ServerDuplexStream<FromSensor, FromFleet>) => {
      const call: HostileCall = {
        heard: [],
        stream,
        over: false,
        say: (what) => void stream.write({ what }),
        answer: (id) => {
          const parts = call.heard.flatMap((what) =>
            what.$case === 'answer' && what.value.id === id ? [what.value] : [],
          );
          return {
            status: parts[0]?.status ?? 0,
            text: Buffer.concat(parts.map(({ chunk }) => chunk)).toString('utf8'),
            ended: parts.at(-1)?.end ?? false,
          };
        },
      };
      calls.push(call);
      stream.on('data', ({ what }: FromSensor) => {
        if (what === undefined) return;
        if (what.$case !== 'heartbeat') call.heard.push(what);
        if (what.$case === 'hello' && welcome) {
          const value = { heartbeatMs: 1_000, clockMs: Date.now(), sensor: 'you', fleetVersion: '6.6.6' };
          call.say({ $case: 'welcome', value });
        }
      });
      const beat = setInterval(() => {
        call.say({ $case: 'heartbeat', value: { clockMs: Date.now() } });
      }, 500);
      const over = () => {
        call.over = true;
        clearInterval(beat);
      };
      stream.on('cancelled', over);
      stream.on('end', () => {
        over();
        stream.end();
      });
      stream.on('error', over);
    },
    tunnel: (stream: ServerDuplexStream<TunnelFrame, TunnelFrame>) => {
      const said = (name: string) => String(stream.metadata.get(name)[0] ?? '');
      tunnels.push({ id: said('bulkhead-tunnel'), refused: said('bulkhead-refused') });
      stream.on('error', () => undefined);
      stream.resume();
      stream.end();
    },
    renew: (_call: unknown, done: (error: null, reply: { chain: Buffer[] }) => void) => {
      renewals += 1;
      done(null, { chain: [Buffer.from('no certificate')] });
    },
  });
  const credentials = ServerCredentials.createSsl(
    Buffer.from(ca),
    [{ cert_chain: Buffer.from(certificate), private_key: Buffer.from(key) }],
    true,
  );
  const taken = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${String(port)}`, credentials, (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
  return {
    port: taken,
    calls,
    tunnels,
    get renewals() {
      return renewals;
    },
    attached: () => calls.filter(({ heard, over }) => heard[0]?.$case === 'hello' && !over).at(-1),
    close: () => {
      server.forceShutdown();
    },
  };
}
