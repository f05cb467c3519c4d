import { createServer, type Socket } from 'node:net';
import { createServer as createTlsServer, TLSSocket } from 'node:tls';
import { listening } from './listening.ts';

/** A mail as a server got it. */
export interface ReceivedMail {
  from: string;
  to: string[];
  /** Headers and body as they came. */
  raw: string;
  user: string | undefined;
  encrypted: boolean;
}

export interface SmtpReceiver {
  port: number;
  mails: ReceivedMail[];
  /** Each connection that came, also for nothing. */
  connections: number;
  /** What is answered after a mail; another code than 250 refuses it. */
  answer: string;
  /** Recipients that it does not take. */
  refused: Set<string>;
  close(): Promise<void>;
}

export interface SmtpOptions {
  tls?: { key: string; cert: string };
  /** `implicit`: TLS from the first byte; `starttls`: offered; absent: none. */
  mode?: 'implicit' | 'starttls';
  /** Asked for when given. */
  login?: { user: string; password: string };
}

/** As much of a mail server (RFC 5321, 3207, 4954) as a client that sends one mail speaks with. */
export async function openSmtpReceiver(options: SmtpOptions = {}): Promise<SmtpReceiver> {
  const serve = (socket: Socket): void => {
    receiver.connections += 1;
    session(socket, options, receiver, options.mode === 'implicit', true);
  };
  const server =
    options.mode === 'implicit' ? createTlsServer(options.tls ?? {}, serve) : createServer(serve);
  const { port, close } = await listening(server);
  const receiver: SmtpReceiver = {
    ...{ port, close, mails: [], connections: 0, answer: '250 2.0.0 kept as 4711', refused: new Set() },
  };
  return receiver;
}

function session(
  socket: Socket,
  options: SmtpOptions,
  receiver: SmtpReceiver,
  encrypted: boolean,
  greet: boolean,
): void {
  let text = '';
  let mail: { from: string; to: string[] } = { from: '', to: [] };
  let user: string | undefined;
  let isData = false;
  const say = (line: string): void => void socket.write(`${line}\r\n`);
  const command = (line: string): void => {
    const word = line.split(' ', 1)[0]?.toUpperCase();
    if (word === 'EHLO') {
      const offers = ['receiver', '8BITMIME'];
      if (options.mode === 'starttls' && !encrypted) offers.push('STARTTLS');
      if (options.login !== undefined) offers.push('AUTH PLAIN');
      offers.forEach((offer, index) => say(`250${index === offers.length - 1 ? ' ' : '-'}${offer}`));
    } else if (word === 'STARTTLS') {
      say('220 go on');
      socket.removeAllListeners('data');
      const inner = new TLSSocket(socket, { isServer: true, ...options.tls });
      inner.on('error', () => undefined);
      session(inner, options, receiver, true, false);
    } else if (word === 'AUTH') {
      const [, name = '', password = ''] = Buffer.from(line.split(' ')[2] ?? '', 'base64')
        .toString()
        .split('\0');
      const isRight = name === options.login?.user && password === options.login.password;
      if (isRight) user = name;
      // A server that repeats what it was given, as some do.
      say(isRight ? '235 welcome' : `535 5.7.8 ${name} ${password} is wrong`);
    } else if (word === 'MAIL') {
      mail = { from: /<(.*)>/.exec(line)?.[1] ?? '', to: [] };
      say(options.login !== undefined && user === undefined ? '530 sign in first' : '250 fine');
    } else if (word === 'RCPT') {
      const to = /<(.*)>/.exec(line)?.[1] ?? '';
      const isTaken = !receiver.refused.has(to);
      if (isTaken) mail.to.push(to);
      say(isTaken ? '250 fine' : '550 nobody of that name');
    } else if (word === 'DATA') {
      isData = true;
      say('354 go on');
    } else if (word === 'QUIT') {
      say('221 bye');
      socket.end();
    } else say('502 what?');
  };
  socket.on('error', () => undefined);
  socket.on('data', (part: Buffer) => {
    text += part.toString('utf8');
    for (;;) {
      const end = text.indexOf(isData ? '\r\n.\r\n' : '\r\n');
      if (end === -1) return;
      const piece = text.slice(0, end);
      text = text.slice(end + (isData ? 5 : 2));
      if (!isData) {
        command(piece);
        continue;
      }
      isData = false;
      if (receiver.answer.startsWith('250'))
        receiver.mails.push({ ...mail, raw: piece.replaceAll('\r\n..', '\r\n.'), user, encrypted });
      say(receiver.answer);
    }
  });
  if (greet) say('220 receiver');
}

/** A mail's text, out of the ways in which it is packed for the way. */
export function mailBody({ raw }: ReceivedMail): string {
  const [head = '', ...rest] = raw.split('\r\n\r\n');
  const body = rest.join('\r\n\r\n');
  if (/content-transfer-encoding: base64/i.test(head)) return Buffer.from(body, 'base64').toString('utf8');
  if (!/content-transfer-encoding: quoted-printable/i.test(head)) return body.replaceAll('\r\n', '\n');
  const bytes = body
    .replaceAll(/=\r\n/g, '')
    .replaceAll(/=([0-9A-F]{2})/g, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString('utf8').replaceAll('\r\n', '\n');
}

/** One header, unfolded and decoded (RFC 2047, as far as mail clients write it). */
export function mailHeader({ raw }: ReceivedMail, name: string): string {
  const head = (raw.split('\r\n\r\n', 1)[0] ?? '').replaceAll(/\r\n[ \t]+/g, ' ');
  const line = head.split('\r\n').find((one) => one.toLowerCase().startsWith(`${name.toLowerCase()}:`));
  return (line ?? '')
    .slice(name.length + 1)
    .trim()
    .replaceAll(/\?= =\?/g, '?==?')
    .replaceAll(/=\?utf-8\?(q|b)\?([^?]*)\?=/gi, (_all, how: string, text: string) =>
      how.toLowerCase() === 'b'
        ? Buffer.from(text, 'base64').toString('utf8')
        : Buffer.from(
            text
              .replaceAll('_', ' ')
              .replaceAll(/=([0-9A-F]{2})/g, (_one, hex: string) =>
                String.fromCharCode(Number.parseInt(hex, 16)),
              ),
            'latin1',
          ).toString('utf8'),
    );
}
