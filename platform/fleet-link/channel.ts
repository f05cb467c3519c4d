import { ChannelCredentials, status, type ServiceError } from '@grpc/grpc-js';
import { LinkClient } from '../contracts/fleet/index.ts';
import { FLEET_SERVER_NAME } from '../contracts/index.ts';
import { BulkheadError } from '../kernel/index.ts';
import { dial, refusesServer, secure, unreachable } from './dial.ts';
import { printable } from './enrolment.ts';
import { hostPort } from './endpoint.ts';
import type { Membership } from './membership.ts';

/** A document of 1 MiB with its envelope; more than that is not listened to. */
const MAX_RECEIVED_BYTES = 2 << 20;
/** Of one stream and of the whole connection: what the fleet may send before it is read. */
const WINDOW_BYTES = 1 << 20;
/** Trailing metadata of a refused call: a code of the catalogue. */
const CODE_METADATA = 'bulkhead-code';
const DIAGNOSIS_MS = 5_000;
/** With TLS 1.3 a refused client learns it after its own handshake. */
const LATE_ALERT_MS = 500;

/**
 * A client of the fleet's link with a connection of its own, made with the first call. Mutual TLS; the server is believed by the
 * fleet's authority and the name that its servers have for sensors, whichever address and way lead there.
 */
export function openClient({ link, proxy, caPem, keyPem, chainPem }: Membership): LinkClient {
  const credentials = ChannelCredentials.createSsl(
    Buffer.from(caPem),
    Buffer.from(keyPem),
    Buffer.from(chainPem),
    { checkServerIdentity: refusesServer },
  );
  return new LinkClient(`dns:${hostPort(proxy ?? link)}`, credentials, {
    // Which way leads there is the operator's word, never an environment variable's.
    'grpc.enable_http_proxy': 0,
    // What grpc-js itself sets for a proxy out of the environment. It is not documented; a test with a real proxy holds it fast.
    ...(proxy === undefined ? {} : { 'grpc.http_connect_target': `dns:${hostPort(link)}` }),
    ...(proxy?.credentials === undefined ? {} : { 'grpc.http_connect_creds': proxy.credentials }),
    'grpc.default_authority': FLEET_SERVER_NAME,
    'grpc.ssl_target_name_override': FLEET_SERVER_NAME,
    'grpc.use_local_subchannel_pool': 1,
    'grpc.enable_retries': 0,
    'grpc.max_receive_message_length': MAX_RECEIVED_BYTES,
    'grpc-node.flow_control_window': WINDOW_BYTES,
  });
}

/** Why a call ended, in words that a person can act on. Dials once more to find out when gRPC does not say. */
export async function explain(error: ServiceError, membership: Membership): Promise<BulkheadError> {
  const where = hostPort(membership.link);
  const [told] = error.metadata.get(CODE_METADATA);
  const said = printable(`${error.details}${typeof told === 'string' ? ` (${told})` : ''}`);
  switch (error.code) {
    case status.PERMISSION_DENIED:
    case status.UNAUTHENTICATED:
    case status.ALREADY_EXISTS:
    case status.FAILED_PRECONDITION:
      return new BulkheadError({
        code: 'FLEET_LINK_REFUSED',
        message: `The fleet at ${where} does not let this sensor in: ${said}`,
        hint: 'It was revoked, replaced, or its identity is used elsewhere: see its page at the fleet.',
        fields: { fleet: where, status: status[error.code] },
        cause: error,
      });
    case status.UNAVAILABLE:
      return (await diagnose(membership)) ?? unreachable(where, said, error);
    default:
      return unreachable(where, `${status[error.code]}: ${said}`, error);
  }
}

/** Dials once more. @returns what is wrong with the way to the fleet; undefined when nothing is. */
export async function diagnose(membership: Membership): Promise<BulkheadError | undefined> {
  const { link, proxy, caPem, keyPem, chainPem } = membership;
  try {
    const socket = await dial(link, proxy, DIAGNOSIS_MS);
    const secured = await secure(socket, link, { ca: caPem, key: keyPem, chain: chainPem }, DIAGNOSIS_MS, [
      'h2',
    ]);
    const alert = await new Promise<Error | undefined>((resolve) => {
      const timer = setTimeout(resolve, LATE_ALERT_MS, undefined);
      secured.on('error', (error: Error) => {
        clearTimeout(timer);
        resolve(error);
      });
    });
    secured.destroy();
    if (!/alert/i.test(alert?.message ?? '')) return undefined;
    return new BulkheadError({
      code: 'FLEET_LINK_REFUSED',
      message: `The fleet at ${hostPort(link)} does not accept the certificate of this sensor.`,
      hint: 'It was revoked or replaced: see its page at the fleet. A fleet that was set up anew does not know it: join again.',
      fields: { fleet: hostPort(link) },
      cause: alert,
    });
  } catch (error) {
    return error instanceof BulkheadError ? error : undefined;
  }
}
