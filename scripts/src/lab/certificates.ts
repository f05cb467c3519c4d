import { chmod, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '@bulkhead/platform/kernel';
import { HOSTS } from './layout.ts';

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

/**
 * Makes the certificates of the lab's TLS servers in `dir`: `server.{crt,key}` for the protected one,
 * `c2.{crt,key}` for the attacker's, and `rules.{crt,key}` for the rule source, signed by an authority `rules-ca.crt`. They live as long as the lab and protect nothing.
 */
export async function makeCertificates(dir: string): Promise<void> {
  await Promise.all([
    make(dir, 'server', HOSTS.www, [HOSTS.www, HOSTS.portal, HOSTS.files]),
    make(dir, 'c2', HOSTS.commandAndControl, [HOSTS.commandAndControl]),
    makeSigned(dir, 'rules', HOSTS.rules),
  ]);
}

/** A certificate of an authority of its own, whose key is gone when it is made. */
async function makeSigned(dir: string, name: string, host: string): Promise<void> {
  const at = (file: string) => join(dir, file);
  const ca = [...NEW_KEY, '-subj', '/O=Bulkhead lab/CN=Lab certificate authority'];
  await run('openssl', [
    ...['req', '-x509', ...ca, '-days', '30'],
    ...['-keyout', at(`${name}-ca.key`), '-out', at(`${name}-ca.crt`)],
    ...['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign'],
  ]);
  const request = ['-keyout', at(`${name}.key`), '-out', at(`${name}.csr`)];
  await run('openssl', ['req', ...NEW_KEY, '-subj', `/O=Bulkhead lab/CN=${host}`, ...request]);
  await writeFile(at(`${name}.ext`), `subjectAltName=DNS:${host}\nextendedKeyUsage=serverAuth\n`);
  await run('openssl', [
    ...['x509', '-req', '-in', at(`${name}.csr`), '-out', at(`${name}.crt`), '-days', '30'],
    ...['-CA', at(`${name}-ca.crt`), '-CAkey', at(`${name}-ca.key`), '-extfile', at(`${name}.ext`)],
  ]);
  await Promise.all([`${name}-ca.key`, `${name}.csr`, `${name}.ext`].map((file) => rm(at(file))));
  await chmod(at(`${name}.key`), 0o644);
}

async function make(dir: string, name: string, commonName: string, names: readonly string[]): Promise<void> {
  const key = join(dir, `${name}.key`);
  await run('openssl', [
    ...['req', '-x509', ...NEW_KEY, '-days', '30'],
    ...['-keyout', key, '-out', join(dir, `${name}.crt`)],
    ...['-subj', `/O=Bulkhead lab/CN=${commonName}`],
    ...['-addext', `subjectAltName=${names.map((entry) => `DNS:${entry}`).join(',')}`],
  ]);
  await chmod(key, 0o644); // read by the unprivileged servers; the folder itself is the lab's
}
