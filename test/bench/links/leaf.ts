import type { Duplex } from 'node:stream';
import { fromSeed } from '@nats-io/nkeys';

/**
 * As much of a NATS leaf node as keeps its connection: it answers the hub's challenge with its key, and its pings. The protocol
 * of leaf nodes is that of nats-server/server/leafnode.go (`leafConnectInfo`).
 */
export function holdLeaf(stream: Duplex, seed: string, name: string, onUp: () => void): void {
  const keys = fromSeed(Buffer.from(seed));
  let text = '';
  let connected = false;
  stream.on('error', () => undefined); // who opened it sees that it closed
  stream.on('data', (data: Buffer) => {
    text += data.toString('latin1');
    for (let end = text.indexOf('\r\n'); end >= 0; end = text.indexOf('\r\n')) {
      const line = text.slice(0, end);
      text = text.slice(end + 2);
      if (line.startsWith('INFO ') && !connected) {
        connected = true;
        const { nonce = '' } = JSON.parse(line.slice(5)) as { nonce?: string };
        const sig = Buffer.from(keys.sign(Buffer.from(nonce))).toString('base64url');
        const connect = {
          nkey: keys.getPublicKey(),
          sig,
          server_id: name,
          name,
          version: '2.12.0',
          headers: true,
        };
        stream.write(`CONNECT ${JSON.stringify(connect)}\r\nPING\r\n`);
      } else if (line === 'PING') {
        stream.write('PONG\r\n');
      } else if (line === 'PONG') {
        onUp();
      } else if (line.startsWith('-ERR')) {
        stream.destroy();
        return;
      }
    }
  });
}
