import { isIPv6, type Server, type Socket } from 'node:net';

/**
 * Whom an address stands for: itself, or of IPv6 the network of 64 bits, which is what one client is given.
 * `::ffff:192.0.2.1` is 192.0.2.1.
 */
export function clientOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined || !isIPv6(address)) return mapped ?? address;
  const [head = '', tail] = (address.split('%', 1)[0] ?? '').split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - before.length - after.length);
  const words = [...before, ...Array.from({ length: zeros }, () => '0'), ...after].slice(0, 4);
  return `${words.map((word) => Number.parseInt(word, 16).toString(16)).join(':')}::/64`;
}

const TOLD_MS = 60_000;

/**
 * Lets one client hold so many connections of a listener and no more: the next one is closed before anything of it is read, and
 * there is room left for everybody else.
 * @param refused called with whom it concerns, at most once a minute
 */
export function limitPerAddress(server: Server, most: number, refused: (client: string) => void): void {
  const held = new Map<string, number>();
  let toldMs = -Infinity;
  server.on('connection', (socket: Socket) => {
    const client = clientOf(socket.remoteAddress ?? '');
    const now = held.get(client) ?? 0;
    if (now >= most) {
      socket.destroy();
      if (performance.now() - toldMs > TOLD_MS) {
        toldMs = performance.now();
        refused(client);
      }
      return;
    }
    held.set(client, now + 1);
    socket.once('close', () => {
      const left = (held.get(client) ?? 1) - 1;
      if (left > 0) held.set(client, left);
      else held.delete(client);
    });
  });
}
