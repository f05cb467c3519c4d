import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Ca, readRequest, type CaOptions } from '@bulkhead/fleet-server/ca';
import { FLEET_SERVER_NAME } from '@bulkhead/platform/contracts';
import { openLog } from '@bulkhead/platform/kernel';
import { sensorKey } from '../../support/fleet-sensor-keys.ts';

const DAY = 86_400_000;
const START = Date.parse('2026-11-21T10:00:00Z');
const log = openLog('test', 'silent');
let dir = '';
let now = START;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'bulkhead-ca-'));
  now = START;
});
afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

const open = (more: Partial<CaOptions> = {}) =>
  Ca.open({ dir, names: ['fleet.example.org', '127.0.0.1', '::1'], log, now: () => now, ...more });
const leafOf = (pem: string) => new X509Certificate(pem);

test('the CA is made once, is kept, lives ten years, signs no other CA, and its key is for its owner alone', async () => {
  const first = await open();
  const ca = leafOf(first.certificate);
  expect(ca.ca).toBe(true);
  expect((Date.parse(ca.validTo) - START) / DAY).toBeGreaterThan(3640);
  expect(ca.verify(ca.publicKey)).toBe(true);
  expect((await stat(join(dir, 'ca.key'))).mode & 0o777).toBe(0o600);
  expect((await stat(dir)).mode & 0o777).toBe(0o700);
  const again = await open();
  expect(again.certificate).toBe(first.certificate);
  expect(again.fingerprint).toBe(first.fingerprint);
  expect(again.linkPair().cert).toBe(first.linkPair().cert);
});

test('a first start that was cut short between key and certificate goes on; a lost key or a wrong one is never made up for', async () => {
  const first = await open();
  await rm(join(dir, 'ca.pem'));
  await expect(open()).rejects.toMatchObject({ code: 'FLEET_CA_DAMAGED' });
  await rm(join(dir, 'server.pem'));
  const second = await open();
  expect(createPrivateKey(await readFile(join(dir, 'ca.key'), 'utf8')).asymmetricKeyType).toBe('ec');
  expect(second.fingerprint).not.toBe(first.fingerprint);
  await writeFile(join(dir, 'ca.pem'), first.certificate.replace(/A/, 'B'));
  await expect(open()).rejects.toMatchObject({ code: 'FLEET_CA_DAMAGED' });
  await rm(join(dir, 'ca.key'));
  await expect(open()).rejects.toMatchObject({ code: 'FLEET_CA_DAMAGED' });
});

test('the server certificate has the configured names, is renewed in time and when names change, and listeners are told', async () => {
  const ca = await open();
  const leaf = leafOf(ca.linkPair().cert);
  expect(leaf.checkHost('fleet.example.org')).toBeDefined();
  expect(leaf.checkHost(FLEET_SERVER_NAME)).toBeDefined();
  expect(leaf.checkIP('127.0.0.1')).toBeDefined();
  expect(leaf.checkIP('::1')).toBeDefined();
  expect((Date.parse(leaf.validTo) - START) / DAY).toBeCloseTo(90, 5);
  const told: string[] = [];
  ca.onLinkPair(({ cert }) => told.push(cert));
  ca.web.onChange(({ cert }) => told.push(cert));
  now += 59 * DAY;
  await ca.look();
  expect(told).toEqual([]);
  now += 2 * DAY;
  await ca.look();
  expect(told).toHaveLength(2);
  expect(Date.parse(leafOf(told[0] ?? '').validTo) - now).toBeGreaterThan(89 * DAY);
  const named = await open({ names: ['other.example.org'] });
  expect(leafOf(named.linkPair().cert).checkHost('other.example.org')).toBeDefined();
});

test('of a request only the key is taken: name, alternative names and purpose are ours', async () => {
  const ca = await open();
  const key = await sensorKey('CN=s_aaaaaaaaaaaaaaaa,O=root');
  const issued = await ca.issue('s_bbbbbbbbbbbbbbbb', await readRequest(key.csr));
  const leaf = leafOf(issued.pem);
  expect(leaf.subject).toBe('CN=s_bbbbbbbbbbbbbbbb');
  expect(leaf.subjectAltName).toBe('URI:bulkhead:sensor:s_bbbbbbbbbbbbbbbb');
  expect(leaf.ca).toBe(false);
  expect(leaf.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']);
  expect((Date.parse(leaf.validTo) - START) / DAY).toBeCloseTo(30, 5);
  expect(leaf.checkPrivateKey(createPrivateKey(key.keyPem))).toBe(true);
  expect(ca.identify(leaf.raw)).toMatchObject({ sensor: 's_bbbbbbbbbbbbbbbb', serial: issued.serial });
  expect(await readRequest(key.csrDer)).toMatchObject({ digest: issued.keyDigest });
});

test('what is no request with a proof of its key is refused', async () => {
  const key = await sensorKey();
  const forged = Uint8Array.from(key.csrDer);
  forged[forged.length - 4] = (forged[forged.length - 4] ?? 0) ^ 1;
  const bad = [
    '',
    'no PEM',
    key.csr.slice(0, 200),
    key.keyPem,
    forged,
    new Uint8Array(9000),
    new Uint8Array(40),
  ];
  for (const request of bad) {
    await expect(readRequest(request)).rejects.toMatchObject({ code: 'FLEET_CA_REQUEST_INVALID' });
  }
});

test('only sensors of this CA are identified', async () => {
  const ca = await open();
  const other = await Ca.open({ dir: join(dir, 'other'), names: [], log, now: () => now });
  const issued = await other.issue('s_bbbbbbbbbbbbbbbb', await readRequest((await sensorKey()).csr));
  for (const certificate of [issued.pem, ca.certificate, ca.linkPair().cert, 'nothing']) {
    expect(() => ca.identify(certificate)).toThrow(
      expect.objectContaining({ code: 'FLEET_CA_CERTIFICATE_REFUSED' }),
    );
  }
});

test('people are shown the given certificate, sensors our own, and pages of instruments one for their sensor', async () => {
  const other = await Ca.open({ dir: join(dir, 'other'), names: ['fleet.example.org'], log, now: () => now });
  const files = { certFile: join(dir, 'given.pem'), keyFile: join(dir, 'given.key') };
  await writeFile(files.certFile, other.linkPair().cert);
  await writeFile(files.keyFile, other.linkPair().key);
  now = Date.now();
  const ca = await open({ given: files, baseDomain: 'fleet.example.org' });
  const server = createServer({
    ...ca.web.current(),
    SNICallback: (name, done) => {
      ca.web.contextFor(name).then(
        (context) => done(null, context),
        (error: unknown) => done(error as Error),
      );
    },
  });
  server.on('tlsClientError', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const shown = async (servername: string) => {
    const socket: TLSSocket = connect({ port, host: '127.0.0.1', servername, rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    const certificate = socket.getPeerX509Certificate();
    socket.destroy();
    return certificate;
  };
  try {
    const own = new X509Certificate(ca.certificate).publicKey;
    expect((await shown('fleet.example.org'))?.verify(own)).toBe(false);
    expect((await shown(FLEET_SERVER_NAME))?.verify(own)).toBe(true);
    const page = await shown('rule-manager.lab.fleet.example.org');
    expect(page?.verify(own)).toBe(true);
    expect(page?.subjectAltName).toBe('DNS:*.lab.fleet.example.org');
    expect((await shown('a.b.elsewhere.org'))?.verify(own)).toBe(false);
  } finally {
    server.close();
  }
});

test('a given certificate without its key is refused by name', async () => {
  const ca = await open();
  const files = { certFile: join(dir, 'given.pem'), keyFile: join(dir, 'given.key') };
  await writeFile(files.certFile, ca.linkPair().cert);
  await writeFile(files.keyFile, (await sensorKey()).keyPem);
  await expect(open({ given: files })).rejects.toMatchObject({ code: 'FLEET_CA_GIVEN_UNUSABLE' });
});
