import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A cable between two ends on loopback that can be pulled: what is sent then reaches nobody, and nobody is told. */
export interface Cable {
  /** `127.0.0.1:PORT`, for the end that dials. */
  readonly address: string;
  /** Nothing passes any more, in neither direction; connections stay open on both ends. */
  pull: () => void;
  /** Who dialled meanwhile reached nobody, and is told so now. */
  plug: () => void;
  dispose: () => Promise<void>;
}

/** @param to port of the other end */
export async function openCable(to: number): Promise<Cable> {
  let plugged = true;
  const sockets = new Set<Socket>();
  const inVain = new Set<Socket>();
  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
  };
  const server = createServer((near) => {
    if (!plugged) {
      keep(near);
      inVain.add(near);
      return;
    }
    const far = connect({ host: '127.0.0.1', port: to });
    for (const [from, into] of [
      [near, far],
      [far, near],
    ] as const) {
      keep(from);
      from.on('data', (data) => {
        if (plugged) into.write(data);
      });
      from.once('close', () => {
        if (plugged) into.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    address: `127.0.0.1:${String(port)}`,
    pull: () => {
      plugged = false;
    },
    plug: () => {
      plugged = true;
      for (const socket of inVain) socket.destroy();
      inVain.clear();
    },
    dispose: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
