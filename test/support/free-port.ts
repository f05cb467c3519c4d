import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** Below the ports that Linux gives to whoever names none (`ip_local_port_range`), and beside those that tests name. */
const [FIRST, BEYOND] = [10_240, 20_000];

/**
 * A TCP port of the loopback interface that nobody listens on. It is none that another program is given by chance: who ends and
 * listens there once more finds it free.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(FIRST, BEYOND);
    if (await isFree(port)) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => {
      resolve(false);
    });
    server.listen(port, '127.0.0.1', () => {
      server.close(() => {
        resolve(true);
      });
    });
  });
}
