import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '@bulkhead/platform/kernel';
import { HOSTS } from './layout.ts';

/**
 * Makes the self-signed certificates of the lab's TLS servers in `dir`: `server.{crt,key}` for the protected one and
 * `c2.{crt,key}` for the attacker's. They live as long as the lab and protect nothing.
 */
export async function makeCertificates(dir: string): Promise<void> {
  await Promise.all([
    make(dir, 'server', HOSTS.www, [HOSTS.www, HOSTS.portal, HOSTS.files]),
    make(dir, 'c2', HOSTS.commandAndControl, [HOSTS.commandAndControl]),
  ]);
}

async function make(dir: string, name: string, commonName: string, names: readonly string[]): Promise<void> {
  const key = join(dir, `${name}.key`);
  await run('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30'],
    ...['-keyout', key, '-out', join(dir, `${name}.crt`)],
    ...['-subj', `/O=Bulkhead lab/CN=${commonName}`],
    ...['-addext', `subjectAltName=${names.map((entry) => `DNS:${entry}`).join(',')}`],
  ]);
  await chmod(key, 0o644); // read by the unprivileged servers; the folder itself is the lab's
}
