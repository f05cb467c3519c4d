import { createPrivateKey, sign } from 'node:crypto';
import type { Duplex } from 'node:stream';
import type { BenchSensor } from './parts.ts';

/**
 * As much of a NATS leaf node as keeps its connection: it answers the hub's challenge with its key, and its pings. The protocol
 * of leaf nodes is that of nats-server/server/leafnode.go (`leafConnectInfo`). It signs with OpenSSL: a thousand leaf nodes that
 * sign in JavaScript would be half of the bench's load, and real ones sign on machines of their own.
 */
export function holdLeaf(stream: Duplex, identity: BenchSensor): void {
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
        stream.write(`CONNECT ${JSON.stringify(connectInfo(identity, nonce))}\r\nPING\r\n`);
      } else if (line === 'PING') {
        stream.write('PONG\r\n');
      } else if (line.startsWith('-ERR')) {
        stream.destroy();
        return;
      }
    }
  });
}

function connectInfo({ sensor, uplinkPublic, uplinkPrivate }: BenchSensor, nonce: string) {
  const key = createPrivateKey({ key: Buffer.from(uplinkPrivate, 'base64'), format: 'der', type: 'pkcs8' });
  const sig = sign(null, Buffer.from(nonce), key).toString('base64url');
  return { nkey: uplinkPublic, sig, server_id: sensor, name: sensor, version: '2.12.0', headers: true };
}
