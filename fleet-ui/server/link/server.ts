import type { Duplex } from 'node:stream';
import { Server, ServerCredentials, status } from '@grpc/grpc-js';
import { LinkService, type LinkServer as LinkHandlers } from '@bulkhead/platform/contracts/fleet';
import type { Logger } from '@bulkhead/platform/kernel';
import { AttachDesk } from './attach.ts';
import type { Authorise, Renew } from './authorise.ts';
import { Door, type LinkTls } from './door.ts';
import {
  DEFAULT_LINK_LIMITS,
  DEFAULT_LINK_TIMES,
  TICK_MS,
  type LinkLimits,
  type LinkTimes,
} from './limits.ts';
import { Links } from './links.ts';
import type { Refusal } from './refusal.ts';
import { RefusalLog } from './refusal-log.ts';
import { handleRenew } from './renew.ts';
import { Tunnels } from './tunnels.ts';

export interface LinkServerOptions {
  host: string;
  port: number;
  tls: LinkTls;
  /** Of fleetd, for sensors to know. */
  fleetVersion: string;
  log: Logger;
  authorise: Authorise;
  renew: Renew;
  /**
   * The uplink of an attached sensor: bytes of its NATS leaf connection, and the public key that it said it will use (empty: it
   * said none). The receiver ends it, or it ends with the link.
   */
  onUplink: (sensor: string, stream: Duplex, publicKey: string) => void;
  limits?: Partial<LinkLimits>;
  times?: Partial<LinkTimes>;
}

export interface LinkServer {
  /** There from the beginning; empty until sensors come. */
  readonly links: Links;
  /** Opens the door. Once. @throws BulkheadError FLEET_LINKS_LISTEN_FAILED */
  start: () => Promise<void>;
  /** Where it listens, once it was started. */
  readonly address: { host: string; port: number };
  /** Connections that are open, of sensors and of whoever has not proved to be one. */
  readonly connections: () => number;
  /** A new certificate of the fleet, from the next connection on. */
  setTls: (tls: LinkTls) => void;
  /** Tells sensors that the fleet stops, and ends. Idempotent; also when it was never started. */
  close: () => Promise<void>;
}

const STOPPING: Refusal = {
  code: 'FLEET_LINKS_STOPPING',
  message: 'The fleet stops or restarts. Come back in a moment.',
  status: status.UNAVAILABLE,
};
const CLOSE_MS = 2_000;

/** The fleet's end of all links, not yet listening. */
export function openLinkServer(options: LinkServerOptions): LinkServer {
  const limits = { ...DEFAULT_LINK_LIMITS, ...options.limits };
  const times = { ...DEFAULT_LINK_TIMES, ...options.times };
  const { log, authorise, fleetVersion } = options;
  const grpc = new Server({
    'grpc.enable_channelz': 0,
    'grpc.max_receive_message_length': limits.messageBytes,
    'grpc.max_send_message_length': limits.sentMessageBytes,
    'grpc.max_concurrent_streams': limits.tunnelsPerSensor + limits.uplinksPerSensor + 4,
    // MB of nghttp2 for one connection.
    'grpc-node.max_session_memory': 64,
    // For connections that carry tunnels and no heartbeats.
    'grpc.keepalive_time_ms': 20_000,
    'grpc.keepalive_timeout_ms': 10_000,
  });
  // TLS is done at the door, before gRPC sees a byte: what is handed over here was proved.
  const injector = grpc.createConnectionInjector(ServerCredentials.createInsecure());
  const refusals = new RefusalLog(log);
  const links = new Links({
    limits,
    log,
    cut: (sensor) => {
      door.cut(sensor, times.lingerMs);
    },
  });
  const door = new Door({
    tls: options.tls,
    limits,
    times,
    log,
    enter: (socket) => {
      injector.injectConnection(socket);
    },
    turnedAway: ({ address, reason, sensor }) => {
      const message = `A connection was not let in: ${reason}.`;
      refusals.write({ address, reason, sensor }, message);
      links.refused({ address, sensor, code: 'FLEET_LINKS_CERTIFICATE_INVALID', message });
    },
  });
  const tunnels = new Tunnels({
    door,
    limits,
    times,
    link: (sensor) => links.link(sensor),
    uplink: options.onUplink,
  });
  links.bind(tunnels);
  const desk = new AttachDesk({ door, links, authorise, limits, times, fleetVersion, log, refusals });
  grpc.addService(LinkService, {
    attach: (call) => {
      desk.handle(call);
    },
    tunnel: (call) => {
      tunnels.handle(call);
    },
    renew: (call, answer) => {
      void handleRenew(call, answer, { door, authorise, renew: options.renew, limits, log });
    },
  } satisfies LinkHandlers);

  let lastTickMs = 0;
  const look = () => {
    const now = performance.now();
    // A process that did not run has not listened either.
    const stalledMs = Math.max(0, now - lastTickMs - 2 * TICK_MS);
    lastTickMs = now;
    for (const link of [...links.all()]) link.tick(now, stalledMs);
    door.sweep(now);
    desk.sweep(now);
    refusals.tell();
  };

  let ticker: NodeJS.Timeout | undefined;
  let address = { host: options.host, port: options.port };
  let closing: Promise<void> | undefined;
  return {
    links,
    start: async () => {
      address = await door.listen(options.host, options.port);
      lastTickMs = performance.now();
      ticker = setInterval(look, TICK_MS);
    },
    get address() {
      return address;
    },
    connections: () => door.connections,
    setTls: (tls) => {
      door.renew(tls);
    },
    close: () =>
      (closing ??= (async () => {
        door.shut();
        clearInterval(ticker);
        for (const link of [...links.all()]) link.end(STOPPING);
        await settled(new Promise((resolve) => grpc.tryShutdown(resolve)), CLOSE_MS);
        grpc.forceShutdown();
        await door.close();
      })()),
  };
}

async function settled(done: Promise<unknown>, withinMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([done, new Promise((resolve) => (timer = setTimeout(resolve, withinMs)))]);
  clearTimeout(timer);
}
