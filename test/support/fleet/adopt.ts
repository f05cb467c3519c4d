import { readRequest, type Ca } from '@bulkhead/fleet-server/ca';
import { sensorKey } from '../fleet-sensor-keys.ts';
import type { SensorIdentity } from './simulated-sensor.ts';

/** A key, and a certificate of the fleet's own CA for it. */
export async function adopt(ca: Ca, sensor: string): Promise<SensorIdentity> {
  const key = await sensorKey();
  const issued = await ca.issue(sensor, await readRequest(key.csr));
  return { sensor, key: key.keyPem, certificate: issued.pem, ca: ca.certificate };
}
