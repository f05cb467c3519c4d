import type { PeerCertificate } from 'node:tls';
import { SensorIdSchema, sensorUri } from '@bulkhead/platform/contracts';

/** Who a certificate of the fleet's CA says that it is. */
export interface PeerIdentity {
  sensor: string;
  /** Lower-case hexadecimal, as Node reads it. */
  serial: string;
  /** Milliseconds since 1970. */
  validToMs: number;
}

/**
 * The sensor that a verified certificate names: its common name, and the same as its only alternative name. Anything else that
 * the fleet's CA may have signed (its own server certificate) is nobody.
 */
export function peerIdentity(certificate: PeerCertificate | undefined): PeerIdentity | undefined {
  if (certificate === undefined || !(certificate as Partial<PeerCertificate>).subject) return undefined;
  const sensor = SensorIdSchema.safeParse(certificate.subject.CN);
  if (!sensor.success) return undefined;
  if (certificate.subjectaltname !== `URI:${sensorUri(sensor.data)}`) return undefined;
  const validToMs = Date.parse(certificate.valid_to);
  if (!/^[0-9A-Fa-f]{1,64}$/.test(certificate.serialNumber) || Number.isNaN(validToMs)) return undefined;
  return { sensor: sensor.data, serial: certificate.serialNumber.toLowerCase(), validToMs };
}
