import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { status, type ServiceError } from '@grpc/grpc-js';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Ca, readRequest } from '@bulkhead/fleet-server/ca';
import { openLog, waitFor } from '@bulkhead/platform/kernel';
import { openAuthority, type Authority } from '../../../fleet-ui/server/ca/authority.ts';
import { issueForSensor, issueForServer } from '../../../fleet-ui/server/ca/issue.ts';
import { sensorKey } from '../../support/fleet-sensor-keys.ts';
import { openCable } from '../../support/fleet/cable.ts';
import { adopt } from '../../support/fleet/adopt.ts';
import { openLinkBench, type LinkBench } from '../../support/fleet/link-bench.ts';
import { testSensorId } from '../../support/fleet/sensor-ids.ts';
import type { SensorIdentity } from '../../support/fleet/simulated-sensor.ts';

const A = testSensorId(1);
const DAY = 86_400_000;

let bench: LinkBench;
let authority: Authority;
let reasons: { sensor?: string | undefined; code: string; message: string }[] = [];
/** What SENSORS would say; a test changes it. */
let verdict: (who: {
  sensor: string;
  serial: string;
}) => 'ok' | { code: 'FLEET_LINKS_REVOKED'; message: string };

beforeEach(async () => {
  verdict = () => 'ok';
  bench = await openLinkBench({ authorise: (who) => verdict(who), limits: { attachesPerMinute: 8 } });
  authority = await openAuthority(join(bench.dir, 'ca'), Date.now());
  reasons = [];
  bench.server.links.events.on('refused', (who) => reasons.push(who));
});
afterEach(async () => {
  await bench.dispose();
});

/** How attaching with this identity ends. */
async function refusalOf(identity: Partial<SensorIdentity>): Promise<ServiceError> {
  const sensor = await bench.sensor(1, identity);
  return sensor.attach().then(
    () => {
      throw new Error('it was let in');
    },
    (error: unknown) => error as ServiceError,
  );
}

async function certificate(
  make: (key: Awaited<ReturnType<typeof readRequest>>) => Promise<{ pem: string }>,
): Promise<Partial<SensorIdentity>> {
  const key = await sensorKey();
  return { key: key.keyPem, certificate: (await make(await readRequest(key.csr))).pem };
}

test('nobody gets to gRPC without a valid certificate of a sensor of this fleet, and the reason is seen', async () => {
  const foreignDir = await mkdtemp(join(tmpdir(), 'bulkhead-link-'));
  try {
    const foreign = await Ca.open({ dir: foreignDir, names: ['127.0.0.1'], log: openLog('test', 'silent') });
    const stranger = await adopt(foreign, A);
    const cases: [what: string, identity: Partial<SensorIdentity>, reason: RegExp][] = [
      [
        'of another CA',
        { key: stranger.key, certificate: stranger.certificate },
        /UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT|SELF_SIGNED/,
      ],
      [
        'expired',
        await certificate((key) => issueForSensor(authority, A, key, Date.now() - 40 * DAY)),
        /CERT_HAS_EXPIRED/,
      ],
      [
        'of the day after tomorrow',
        await certificate((key) => issueForSensor(authority, A, key, Date.now() + 2 * DAY)),
        /CERT_NOT_YET_VALID/,
      ],
      [
        'of the fleet itself',
        await certificate((key) => issueForServer(authority, ['127.0.0.1'], key.publicKey, Date.now())),
        /INVALID_PURPOSE|unsupported certificate purpose|no sensor/i,
      ],
      [
        'for a name that is no sensor',
        await certificate((key) => issueForSensor(authority, 'admin', key, Date.now())),
        /no sensor/,
      ],
    ];
    for (const [what, identity, reason] of cases) {
      reasons.length = 0;
      expect((await refusalOf(identity)).code, what).toBe(status.UNAVAILABLE);
      await waitFor(`the reason of a certificate ${what}`, 5_000, () =>
        reasons.some(({ message }) => reason.test(message)),
      );
    }
    expect(bench.server.links.count).toBe(0);
  } finally {
    await rm(foreignDir, { recursive: true, force: true });
  }
});

test('without any certificate, with an old TLS, or with another protocol nothing is answered', async () => {
  const { port } = bench.server.address;
  const good = await bench.identity(1);
  const own = { key: good.key, cert: good.certificate };
  const dial = async (options: object) => {
    const socket = connect({
      host: '127.0.0.1',
      port,
      ca: good.ca,
      checkServerIdentity: () => undefined,
      ...options,
    });
    let bytes = 0;
    socket.on('data', (data: Buffer) => (bytes += data.length));
    socket.on('error', () => undefined);
    socket.on('secureConnect', () => socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'));
    await new Promise((resolve) => socket.once('close', resolve));
    return bytes;
  };
  expect(await dial({ ALPNProtocols: ['h2'] })).toBe(0);
  expect(await dial({ ...own, ALPNProtocols: ['h2'], maxVersion: 'TLSv1.2' })).toBe(0);
  expect(await dial({ ...own, ALPNProtocols: ['http/1.1'] })).toBe(0);
  expect(await dial(own)).toBe(0);
  await waitFor('everybody to be gone', 5_000, () => bench.server.connections() === 0);
});

test('two sensors with the same identity: the one that is there stays, the other is refused and shown', async () => {
  const first = await bench.sensor(1);
  await first.attach();
  const error = await refusalOf({});
  expect(error).toMatchObject({ code: status.ALREADY_EXISTS });
  expect(error.metadata.get('bulkhead-code')).toEqual(['FLEET_LINKS_CLONE']);
  expect(reasons).toContainEqual(expect.objectContaining({ sensor: A, code: 'FLEET_LINKS_CLONE' }));
  expect(bench.server.links.link(A)?.instance).toBe(first.instance);
});

test('a copy that also repeats the instance cannot keep taking the place of the other for long', async () => {
  const instance = 'copied';
  const codes: number[] = [];
  for (let turn = 0; turn < 10; turn += 1) {
    const sensor = await bench.sensor(1, { hello: { instance } });
    await sensor.attach().catch((error: unknown) => codes.push((error as ServiceError).code));
    if (turn % 2 === 0) sensor.close();
  }
  expect(codes).toContain(status.RESOURCE_EXHAUSTED);
  expect(reasons).toContainEqual(expect.objectContaining({ sensor: A, code: 'FLEET_LINKS_TOO_OFTEN' }));
});

test('a revoked sensor is refused, an attached one is ended at once, with everything that it had open', async () => {
  const sensor = await bench.sensor(1);
  await sensor.attach();
  const { links } = bench.server;
  const ended = sensor.ended();
  const uplink = sensor.openUplink();
  const closed = once(uplink, 'error');
  await waitFor('its uplink', 5_000, () => bench.uplinks.length === 1);
  verdict = () => ({ code: 'FLEET_LINKS_REVOKED', message: 'revoked' });
  links.revoke(A);
  expect(links.attached(A)).toBe(false);
  expect(await ended).toMatchObject({ code: status.PERMISSION_DENIED });
  await closed;
  await waitFor('its connection to be cut', 5_000, () => bench.server.connections() === 0);
  expect((await refusalOf({})).code).toBe(status.PERMISSION_DENIED);
  const key = await sensorKey();
  await expect(sensor.renew(Buffer.from(key.csrDer))).rejects.toMatchObject({
    code: status.PERMISSION_DENIED,
  });
});

test('revoking also reaches a link that does not answer any more', async () => {
  const cable = await openCable(bench.server.address.port);
  try {
    const sensor = await bench.sensor(1, { address: cable.address });
    await sensor.attach();
    cable.pull();
    bench.server.links.revoke(A);
    expect(bench.server.links.attached(A)).toBe(false);
    await waitFor('its connection to be cut', 5_000, () => bench.server.connections() === 0);
  } finally {
    await cable.dispose();
  }
});

test('a link ends when its certificate runs out', async () => {
  const attach = async (leftMs: number) => {
    const identity = await certificate((key) =>
      issueForSensor(authority, A, key, Date.now() - 30 * DAY + leftMs),
    );
    const sensor = await bench.sensor(1, identity);
    await sensor.attach();
    return sensor;
  };
  // A machine that is too busy to attach within the shorter time does so within the longer one.
  const sensor = await attach(4_000).catch(() => attach(30_000));
  expect(await sensor.ended()).toMatchObject({ code: status.UNAUTHENTICATED });
});

test('the name that counts is the one of the certificate', async () => {
  const attached = once(bench.server.links.events, 'attached');
  const sensor = await bench.sensor(1, {
    hello: { version: testSensorId(2), hardwareJson: Buffer.from(`{"sensor":"${testSensorId(2)}"}`) },
  });
  expect(await sensor.attach()).toMatchObject({ sensor: A });
  expect(await attached).toMatchObject([A, {}]);
  sensor.sendState({ sensor: testSensorId(2), healthy: true });
  await waitFor('the state', 5_000, () => bench.server.links.state(A).status);
  expect(bench.server.links.state(testSensorId(2)).status).toBeUndefined();
});
