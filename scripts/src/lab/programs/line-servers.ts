import { createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { PORTS } from '../layout.ts';

/** A server that speaks in lines; ends a conversation after 10 s of silence and 20 lines. */
function lineServer(
  port: number,
  greet: string,
  answer: (line: string, socket: Socket) => string,
): Promise<void> {
  const server = createServer((socket) => {
    let lines = 0;
    socket.setTimeout(10_000, () => socket.destroy());
    socket.on('error', () => undefined);
    socket.write(greet);
    createInterface({ input: socket }).on('line', (line) => {
      lines += 1;
      if (lines > 20 || line.length > 500) socket.destroy();
      else if (!socket.writableEnded) socket.write(answer(line.trim(), socket));
    });
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host: '::' }, resolve);
  });
}

/** FTP control connections (RFC 959); every log-in is refused. */
function ftpServer(): Promise<void> {
  return lineServer(PORTS.ftp, '220 files.lab.example FTP ready\r\n', (line, socket) => {
    const verb = line.split(' ')[0]?.toUpperCase();
    if (verb === 'USER') return '331 Password required\r\n';
    if (verb === 'PASS') return '530 Login incorrect\r\n';
    if (verb === 'QUIT') {
      setImmediate(() => socket.end());
      return '221 Goodbye\r\n';
    }
    return '502 Command not implemented\r\n';
  });
}

/** The greeting of an SSH server (RFC 4253 §4.2), and no more: nobody can log in. */
function sshServer(): Promise<void> {
  return lineServer(PORTS.ssh, 'SSH-2.0-OpenSSH_9.2p1\r\n', () => '');
}

/** A telnet log-in that nobody passes. */
function telnetServer(): Promise<void> {
  const state = new WeakMap<Socket, boolean>();
  return lineServer(PORTS.telnet, 'pump-controller login: ', (_line, socket) => {
    const askedForPassword = state.get(socket) ?? false;
    state.set(socket, !askedForPassword);
    return askedForPassword ? '\r\nLogin incorrect\r\n\r\npump-controller login: ' : 'Password: ';
  });
}

export async function startLineServers(): Promise<void> {
  await Promise.all([ftpServer(), sshServer(), telnetServer()]);
}
