import type { ErrorCode } from '@bulkhead/platform/kernel';

/** May the sensor of this certificate do that? `instance` is there when it attaches. */
export type Authorise = (who: {
  sensor: string;
  /** Lower-case hexadecimal, as Node reads it from the certificate. */
  serial: string;
  instance?: string;
  address: string;
}) => Verdict | Promise<Verdict>;
export type Verdict = 'ok' | { code: ErrorCode; message: string };

/** Issues a sensor's next certificate. @returns DER, the leaf first. @throws BulkheadError: the sensor is told code and message */
export type Renew = (who: { sensor: string; serial: string; csr: Buffer }) => Promise<Buffer[]>;
