import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { connect, TLSSocket, createSecureContext } from 'node:tls';
import { run } from '@bulkhead/platform/kernel';
import { tcpConversation, udpConversation, type Turn } from './conversation.ts';

/** What was written. */
export interface Traffic {
  file: string;
  packets: number;
}

/** TLS sessions are real, so a few are recorded and spoken again by many clients. */
const TLS_SESSIONS = 4;

/**
 * Makes captures of people at work: each looks a name up, then fetches two things over HTTP or one over TLS. Every
 * conversation of every capture has addresses and ports of its own, else Suricata would take it for a repetition.
 */
export async function openTraffic(
  folder: string,
): Promise<(name: string, first: number, people: number) => Promise<Traffic>> {
  const sessions = await recordTls(folder);
  return (name, first, people) => writeTraffic(join(folder, name), sessions, first, people);
}

async function writeTraffic(
  file: string,
  sessions: readonly Turn[][],
  first: number,
  people: number,
): Promise<Traffic> {
  const parts: Buffer[] = [Buffer.from('d4c3b2a1020004000000000000000000ffff000001000000', 'hex')];
  let packets = 0;
  const write = (frames: readonly Buffer[]): void => {
    for (const frame of frames) {
      const head = Buffer.alloc(16);
      // 20 microseconds from frame to frame.
      head.writeUInt32LE(1_700_000_000 + Math.floor(packets / 50_000), 0);
      head.writeUInt32LE((packets % 50_000) * 20, 4);
      head.writeUInt32LE(frame.length, 8);
      head.writeUInt32LE(frame.length, 12);
      parts.push(head, frame);
      packets += 1;
    }
  };
  for (let person = first; person < first + people; person += 1) {
    const client = [10, 20 + (person >> 16), (person >> 8) & 255, person & 255];
    const server = [203, 0, 113, 1 + (person % 200)];
    const clientPort = 20_000 + (person % 40_000);
    write(udpConversation({ client, clientPort, server: [10, 0, 0, 53], serverPort: 53 }, lookUp(person)));
    const session = sessions[person % (2 * TLS_SESSIONS)];
    if (session === undefined)
      write(tcpConversation({ client, clientPort, server, serverPort: 80 }, fetchTwice(person)));
    else write(tcpConversation({ client, clientPort, server, serverPort: 443 }, session));
  }
  await writeFile(file, Buffer.concat(parts));
  return { file, packets };
}

/** A DNS question and its answer. */
function lookUp(person: number): Turn[] {
  const label = Buffer.from(`host-${String(person)}`);
  const name = Buffer.concat([Buffer.from([label.length]), label, Buffer.from('\x07example\0')]);
  const question = Buffer.concat([name, Buffer.from([0, 1, 0, 1])]);
  const head = (flags: number, answers: number): Buffer =>
    Buffer.from([(person >> 8) & 255, person & 255, flags >> 8, flags & 255, 0, 1, 0, answers, 0, 0, 0, 0]);
  const answer = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 203, 0, 113, 1 + (person % 200)]);
  return [
    { from: 'client', data: Buffer.concat([head(0x0100, 0), question]) },
    { from: 'server', data: Buffer.concat([head(0x8180, 1), question, answer]) },
  ];
}

/** Two requests and answers over one HTTP connection. */
function fetchTwice(person: number): Turn[] {
  return [0, 1].flatMap((number): Turn[] => {
    const body = `<p>${'Lorem ipsum dolor sit amet, consectetur adipiscing elit. '.repeat(60 + 120 * number)}</p>`;
    const request = [
      `GET /page/${String(person)}/${String(number)}?q=word HTTP/1.1`,
      `Host: www-${String(person % 50)}.example`,
      'User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
      'Accept: text/html,application/xhtml+xml;q=0.9,*/*;q=0.8',
      'Accept-Language: en-US,en;q=0.5',
    ];
    const answer = [
      'HTTP/1.1 200 OK',
      'Server: nginx',
      'Content-Type: text/html',
      `Content-Length: ${String(body.length)}`,
    ];
    return [
      { from: 'client', data: Buffer.from(`${request.join('\r\n')}\r\n\r\n`) },
      { from: 'server', data: Buffer.from(`${answer.join('\r\n')}\r\n\r\n${body}`) },
    ];
  });
}

/** Records what a TLS client and server say to each other in memory: TLS 1.2 and 1.3 in turn. */
async function recordTls(folder: string): Promise<Turn[][]> {
  const [key, cert] = [join(folder, 'tls.key'), join(folder, 'tls.crt')];
  const subject = ['-subj', '/CN=portal.example', '-keyout', key, '-out', cert];
  await run('openssl', [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    ...subject,
  ]);
  const context = createSecureContext({ key: await readFile(key), cert: await readFile(cert) });
  const sessions: Turn[][] = [];
  for (let number = 0; number < TLS_SESSIONS; number += 1) {
    const turns: Turn[] = [];
    const [left, right] = wire(turns);
    const server = new TLSSocket(right, { isServer: true, secureContext: context });
    const version = number % 2 === 0 ? 'TLSv1.3' : 'TLSv1.2';
    const client = connect({
      socket: left,
      servername: `portal-${String(number)}.example`,
      rejectUnauthorized: false, // the certificate was made a moment ago, by ourselves
      minVersion: version,
      maxVersion: version,
    });
    server.on('data', () => server.end(Buffer.alloc(12_000, 'x')));
    await once(client, 'secureConnect');
    client.write(Buffer.alloc(600, 'y'));
    client.resume();
    await once(client, 'end');
    sessions.push(turns);
  }
  return sessions;
}

/** Two ends of a wire in memory; what passes is written down, what one side says in a row as one turn. */
function wire(turns: Turn[]): [Duplex, Duplex] {
  const make = (from: Turn['from'], other: () => Duplex): Duplex =>
    new Duplex({
      read: () => undefined,
      write: (data: Buffer, _encoding, done) => {
        const last = turns.at(-1);
        if (last?.from === from) last.data = Buffer.concat([last.data, data]);
        else turns.push({ from, data: Buffer.from(data) });
        other().push(data);
        done();
      },
      final: (done) => {
        other().push(null);
        done();
      },
    });
  const left: Duplex = make('client', () => right);
  const right: Duplex = make('server', () => left);
  return [left, right];
}
