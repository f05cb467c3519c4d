import { join } from 'node:path';
import { pipeline } from 'node:stream';
import { Ca } from '@bulkhead/fleet-server/ca';
import { Hub } from '@bulkhead/fleet-server/events';
import { openLinkServer } from '@bulkhead/fleet-server/link';
import { openLog } from '@bulkhead/platform/kernel';
import type { FleetEndInput, FleetIsAsked, FleetTells } from './parts.ts';

/** The fleet's side in a process of its own: the real CA, the real link, the real hub with its nats-server. */
export async function fleetEnd({ dir, port, natsServer }: FleetEndInput): Promise<void> {
  const log = openLog('links', process.env['BULKHEAD_BENCH_LOG'] ?? 'error');
  const ca = await Ca.open({ dir: join(dir, 'ca'), names: ['127.0.0.1'], log });
  const hub = await Hub.open({ dir: join(dir, 'nats'), natsServer, log });
  const pair = ca.linkPair();
  let detached = 0;
  let refused = 0;
  const server = openLinkServer({
    ...{ host: '127.0.0.1', port, fleetVersion: '0.1.0', log },
    tls: { ca: ca.certificate, certificate: pair.cert, key: pair.key },
    authorise: () => 'ok',
    renew: async () => [],
    onUplink: (sensor, stream, publicKey) => {
      hub.connect(sensor, publicKey).then(
        (socket) => {
          pipeline(stream, socket, () => undefined);
          pipeline(socket, stream, () => undefined);
        },
        () => stream.destroy(),
      );
    },
  });
  server.links.events.on('detached', () => (detached += 1));
  server.links.events.on('refused', () => (refused += 1));
  await server.start();
  const tell = (message: FleetTells) => process.send?.(message);
  process.on('message', (asked: FleetIsAsked) => {
    if (asked.kind === 'counts') {
      tell({ kind: 'counts', attached: server.links.count, uplinks: hub.linked.length, detached, refused });
      return;
    }
    void server
      .close()
      .then(() => hub.close())
      .finally(() => process.exit(0));
  });
  // Whoever started it is gone: nothing is left behind.
  process.once('disconnect', () => {
    void hub.close().finally(() => process.exit(1));
  });
  tell({ kind: 'ready', port: server.address.port, natsPid: hub.pid });
}
