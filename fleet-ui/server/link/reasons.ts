import { status } from '@grpc/grpc-js';
import type { Refusal } from './refusal.ts';

/** Reasons for a link to end that the link itself finds. */
export const LOST: Refusal = Object.freeze({
  code: 'FLEET_LINKS_CLOSED',
  message: 'The sensor closed the link, or its connection broke.',
  status: status.CANCELLED,
});
export const SILENT: Refusal = Object.freeze({
  code: 'FLEET_LINKS_SILENT',
  message: 'Nothing was heard of the sensor for three heartbeats.',
  status: status.UNAVAILABLE,
});
export const STUCK: Refusal = Object.freeze({
  code: 'FLEET_LINKS_STUCK',
  message: 'The sensor does not take what is sent to it.',
  status: status.UNAVAILABLE,
});
export const EXPIRED: Refusal = Object.freeze({
  code: 'FLEET_LINKS_CERTIFICATE_EXPIRED',
  message: 'The certificate of the sensor ran out.',
  status: status.UNAUTHENTICATED,
});
