import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ADDRESSES, HOSTS } from './layout.ts';

/**
 * Writes dnsmasq's configuration and gives its command line. It answers for `.example` only (everything unknown there is
 * NXDOMAIN), forwards nothing, reads none of the machine's own files.
 */
export async function dnsServerCommand(dir: string): Promise<string[]> {
  const { server, outside } = ADDRESSES;
  const inside = [HOSTS.www, HOSTS.portal, HOSTS.files, HOSTS.mail];
  const bad = [HOSTS.commandAndControl, HOSTS.payload];
  const lines = [
    'no-resolv',
    'no-hosts',
    'no-poll',
    'bind-interfaces',
    'except-interface=lo',
    `listen-address=${server.ip4}`,
    `listen-address=${server.ip6}`,
    'local=/example/',
    'cache-size=0',
    'local-ttl=30',
    ...inside.flatMap((name) => [`host-record=${name},${server.ip4},${server.ip6}`]),
    ...bad.map((name) => `host-record=${name},${outside.ip4}`),
    `mx-host=lab.example,${HOSTS.mail},10`,
    'txt-record=lab.example,"v=spf1 mx -all"',
  ];
  const file = join(dir, 'dnsmasq.conf');
  await writeFile(file, `${lines.join('\n')}\n`, { mode: 0o644 });
  // In the foreground as it is: no pid file, no user to change to (it is unprivileged already).
  return [
    'dnsmasq',
    '--keep-in-foreground',
    `--conf-file=${file}`,
    '--pid-file=',
    '--user=',
    '--log-facility=-',
  ];
}
