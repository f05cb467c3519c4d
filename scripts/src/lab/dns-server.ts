import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ADDRESSES, HOSTS } from './layout.ts';

/**
 * Writes dnsmasq's configuration and gives its command line. It answers for `.example` only (everything unknown there is
 * NXDOMAIN), forwards nothing, reads none of the machine's own files.
 */
export async function dnsServerCommand(dir: string): Promise<string[]> {
  const { server, outside, source } = ADDRESSES;
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
    `host-record=${HOSTS.rules},${source.ip4}`,
    ...bad.map((name) => `host-record=${name},${outside.ip4}`),
    `mx-host=lab.example,${HOSTS.mail},10`,
    'txt-record=lab.example,"v=spf1 mx -all"',
  ];
  return command(dir, 'dnsmasq.conf', lines);
}

/**
 * The same for the DNS server that the sensor's platform asks: it knows the rule source and nothing else, on the host's loopback
 * interface.
 */
export async function platformDnsCommand(dir: string, port: number): Promise<string[]> {
  return command(dir, 'platform-dns.conf', [
    'no-resolv',
    'no-hosts',
    'no-poll',
    'bind-interfaces',
    'listen-address=127.0.0.1',
    `port=${String(port)}`,
    'local=/#/',
    'cache-size=0',
    'local-ttl=60',
    `host-record=${HOSTS.rules},${ADDRESSES.source.ip4}`,
  ]);
}

async function command(dir: string, name: string, lines: readonly string[]): Promise<string[]> {
  const file = join(dir, name);
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
