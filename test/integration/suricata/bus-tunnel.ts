import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';

/** Inside the namespace: its 127.0.0.1:4222 to a unix socket, which is not bound to a network namespace. */
const INNER = `
  const { connect, createServer } = require('node:net');
  createServer((from) => {
    const to = connect(process.argv[1]);
    from.pipe(to).pipe(from);
    from.on('error', () => to.destroy());
    to.on('error', () => from.destroy());
  }).listen(4222, '127.0.0.1', () => console.log('listening'));
`;

/** A way from 127.0.0.1:4222 inside a network namespace to the test's bus: what LXD's proxy device is for a container. */
export interface BusTunnel {
  /** Ends every connection and takes none until `open`. */
  cut(): void;
  open(): void;
  close(): Promise<void>;
}

/** Makes the tunnel. @param socketPath where its unix socket may stand */
export async function openBusTunnel(
  namespace: string,
  busPort: number,
  socketPath: string,
): Promise<BusTunnel> {
  const open = new Set<Socket>();
  let passing = true;
  const server = createServer((from) => {
    if (!passing) {
      from.destroy();
      return;
    }
    const to = connect(busPort, '127.0.0.1');
    for (const end of [from, to]) {
      open.add(end);
      end.on('close', () => open.delete(end));
      end.on('error', () => undefined);
    }
    from.pipe(to).pipe(from);
    from.on('close', () => to.destroy());
    to.on('close', () => from.destroy());
  });
  await rm(socketPath, { force: true });
  server.listen(socketPath);
  await once(server, 'listening');
  const inner = spawn('ip', ['netns', 'exec', namespace, process.execPath, '-e', INNER, socketPath], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(inner.stdout, 'data');
  const cut = (): void => {
    passing = false;
    for (const end of open) end.destroy();
  };
  return {
    cut,
    open: () => {
      passing = true;
    },
    close: async () => {
      cut();
      server.close();
      inner.kill('SIGKILL');
      await once(inner, 'exit');
    },
  };
}
