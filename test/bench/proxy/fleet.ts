import type { Duplex } from 'node:stream';
import { request } from 'node:http';
import { join } from 'node:path';
import { Ca } from '@bulkhead/fleet-server/ca';
import { openLinkServer } from '@bulkhead/fleet-server/link';
import { openPeople, PEOPLE_MIGRATIONS } from '@bulkhead/fleet-server/people';
import { proxyFeature } from '@bulkhead/fleet-server/proxy';
import { openStore } from '@bulkhead/fleet-server/store';
import { openWeb } from '@bulkhead/fleet-server/web';
import { openLog } from '@bulkhead/platform/kernel';
import { adopt } from '../../support/fleet/link-bench.ts';
import { testSensorId } from '../../support/fleet/sensor-ids.ts';
import type { SensorIdentity } from '../../support/fleet/simulated-sensor.ts';
import { mainOf } from './child.ts';

export interface FleetOrder {
  dir: string;
  /** The instrument's page; undefined: through the tunnel of a sensor. */
  socket?: string;
}

export interface FleetSaid {
  port: number;
  /** Of a person's browser on the instrument's page. */
  headers: Record<string, string>;
  /** For the sensor that is to attach. */
  sensor: SensorIdentity & { address: string };
}

const SENSOR = testSensorId(1);
const log = openLog('fleet', 'error');

/** The parts of fleetd that a request passes: listener, people with their store and audit log, proxy, link. */
mainOf(async ({ dir, socket }: FleetOrder): Promise<FleetSaid> => {
  const store = openStore({ dir, migrations: PEOPLE_MIGRATIONS, log });
  const people = openPeople({ store, log, encrypted: false });
  const ca = await Ca.open({ dir: join(dir, 'ca'), names: ['127.0.0.1'], log });
  const { key, cert } = ca.linkPair();
  const link = openLinkServer({
    host: '127.0.0.1',
    port: 0,
    tls: { ca: ca.certificate, certificate: cert, key },
    fleetVersion: '0.1.0',
    log,
    authorise: () => 'ok',
    renew: async () => [],
    onUplink: (_sensor: string, stream: Duplex) => stream.destroy(),
  });
  await link.start();
  const knowsHost = (host: string) => host === 'localhost';
  const lab = { id: SENSOR, name: 'lab' };
  const proxy = proxyFeature({
    baseDomain: 'localhost',
    encrypted: false,
    knowsHost,
    people: people.pages,
    sensors: {
      byLabel: (label) => (label === 'lab' ? lab : undefined),
      byId: (id) => (id === SENSOR ? lab : undefined),
      isOnline: (id) => socket !== undefined || link.links.attached(id),
      pageState: () => 'served',
    },
    ways: {
      socketOf: () => socket,
      openTunnel: (sensor, target, identity) => link.links.openTunnel(sensor, target, identity),
    },
    audit: (line) => people.audit(line),
    log,
  });
  const web = await openWeb({
    log,
    version: '0.1.0',
    tls: undefined,
    knowsHost,
    instrumentHosts: '*.localhost:*',
    features: [people.feature, proxy],
    pagesDir: undefined,
  });
  await people.feature.start();
  await proxy.start();
  const port = await web.listen('127.0.0.1', 0);
  const fleet = { host: `localhost:${String(port)}`, origin: `http://localhost:${String(port)}` };
  const from = { ...fleet, 'sec-fetch-site': 'same-origin' };
  const set = await web.app.inject({
    method: 'POST',
    url: '/api/v1/session/set-up',
    headers: from,
    payload: { code: people.setUpCode(), name: 'ada', password: 'seven mice in a teapot' },
  });
  const cookie = set.cookies.map(({ name, value }) => `${name}=${value}`).join('; ');
  const given = await web.app.inject({
    method: 'POST',
    url: '/api/v1/ui-access',
    headers: { ...from, cookie },
    payload: { sensor: SENSOR, instrument: 'rules' },
  });
  if (given.statusCode !== 200) throw new Error(`${set.body} ${given.body}`);
  const { origin, code } = given.json<{ origin: string; code: string }>();
  const entered = await enter(port, origin, fleet.origin, code);
  return {
    port,
    headers: {
      Host: origin.slice('http://'.length),
      Origin: origin,
      Cookie: entered,
      'Sec-Fetch-Site': 'same-origin',
      'Sec-Fetch-Mode': 'cors',
      'Sec-Fetch-Dest': 'empty',
      Accept: 'application/json',
      'Accept-Encoding': 'gzip, deflate, br',
      'Accept-Language': 'en',
      'User-Agent': 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)',
    },
    sensor: { ...(await adopt(ca, SENSOR)), address: `127.0.0.1:${String(link.address.port)}` },
  };
});

/** As the fleet's page does it. @returns the cookie that the page's origin gave */
function enter(port: number, origin: string, fleet: string, code: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const form = request(
      {
        port,
        host: '127.0.0.1',
        method: 'POST',
        path: '/.bulkhead/enter',
        headers: {
          host: origin.slice('http://'.length),
          origin: fleet,
          'content-type': 'application/x-www-form-urlencoded',
        },
      },
      (response) => {
        response.resume();
        const [cookie] = response.headers['set-cookie'] ?? [];
        if (cookie === undefined)
          reject(new Error(`entering was answered with ${String(response.statusCode)}`));
        else resolve(cookie.split(';', 1)[0] ?? '');
      },
    );
    form.on('error', reject);
    form.end(new URLSearchParams({ code }).toString());
  });
}
