import { createHash } from 'node:crypto';
import { isLoopbackHost, type Hardware, type JoinToken } from '../contracts/index.ts';
import { BulkheadError, type Logger } from '../kernel/index.ts';
import { checkIssued, hasFingerprint, leafOf, makeKeyAndRequest } from './certificates.ts';
import { Enrolment } from './enrolment.ts';
import { hostPort, parseEndpoint, parseProxy, readJoinToken, type Proxy } from './endpoint.ts';
import type { Membership, MembershipStore } from './membership.ts';

/** As JSON; what fleets take with an adoption is half as much again. */
const MAX_DOCUMENT_BYTES = 512 << 10;

export interface JoinParts {
  log: Logger;
  store: MembershipStore;
  /** What a person needs to tell this machine from others. */
  hardware: () => Promise<Hardware>;
  version: string;
  /** The document in force: the base of what the fleet will want of the sensor. */
  config?: () => string | undefined;
}

export interface JoinRequest {
  /** `CODE@HOST:PORT#FINGERPRINT`. Secret until used. */
  token: string;
  /** `http://[user:password@]host:port`. */
  proxy?: string | undefined;
  /** A name that the fleet may take for the sensor. */
  name?: string | undefined;
  /** Leave the fleet that the sensor belongs to. */
  replace?: boolean | undefined;
}

/**
 * Makes the sensor a member of the fleet that made the token. Nothing secret is sent before who answers has proved to be that
 * fleet. The same token again is the same join: it changes nothing but the proxy, and one that was interrupted is finished.
 * @throws BulkheadError FLEET_LINK_TOKEN_INVALID, FLEET_LINK_PROXY_INVALID, FLEET_LINK_ALREADY_JOINED, FLEET_LINK_CA_WRONG,
 *         FLEET_LINK_UNREACHABLE, FLEET_LINK_PROXY_REFUSED, FLEET_LINK_SERVER_UNTRUSTED, FLEET_LINK_CLOCK_WRONG,
 *         FLEET_LINK_ADOPTION_REFUSED, FLEET_LINK_CERTIFICATE_WRONG, FLEET_LINK_ANSWER_INVALID
 */
export async function joinFleet(
  { log, store, hardware, version, config }: JoinParts,
  request: JoinRequest,
): Promise<{ membership: Membership; joined: boolean; changed: boolean }> {
  const token = readJoinToken(request.token);
  const tokenDigest = createHash('sha256').update(JSON.stringify(token)).digest('hex');
  const fleet = { host: token.host, port: token.port };
  const proxy = request.proxy === undefined ? undefined : parseProxy(request.proxy);
  const present = await presentMembership(store, request.replace ?? false);
  if (present?.tokenDigest === tokenDigest) {
    if (proxy === undefined || JSON.stringify(proxy) === JSON.stringify(present.proxy)) {
      return { membership: present, joined: false, changed: false };
    }
    const moved = { ...present, proxy };
    await store.write(moved);
    return { membership: moved, joined: false, changed: true };
  }
  if (present !== undefined && request.replace !== true) throw alreadyJoined(present);

  const { ca, plain } = await provenAuthority(token, proxy);
  const before = await store.pending();
  const made = before?.tokenDigest === tokenDigest ? before : await makeKeyAndRequest('bulkhead sensor');
  const { keyPem, csrPem } = made;
  // Kept before it is sent: when the answer is lost, the same key asks again, and the fleet may answer again.
  await store.begin({ version: 1, tokenDigest, keyPem, csrPem });
  const document = shortOf(config?.());
  const adopted = await new Enrolment({ fleet, proxy, ca, plain }).adopt({
    code: token.code,
    csr: csrPem,
    hardware: await hardware(),
    version,
    ...(request.name === undefined ? {} : { name: request.name }),
    ...(document === undefined ? {} : { config: document }),
  });
  const link = parseEndpoint(adopted.linkAddress);
  if (link === undefined || !hasFingerprint(leafOf(adopted.ca), token.fingerprint)) {
    throw new BulkheadError({
      code: 'FLEET_LINK_ANSWER_INVALID',
      message: `${hostPort(fleet)} took the sensor in, but its answer names no link address or another authority.`,
      hint: 'Look at the log of the fleet; have it make a new code.',
    });
  }
  const chainPem = adopted.chain.join('\n');
  const sensor = checkIssued(chainPem, { keyPem, caPem: ca, sensor: adopted.sensor });
  const membership: Membership = {
    version: 1,
    sensor,
    keyPem,
    chainPem,
    caPem: ca,
    fleet,
    plain,
    link,
    ...(proxy === undefined ? {} : { proxy }),
    tokenDigest,
    joinedAt: new Date().toISOString(),
  };
  if (present !== undefined) await store.remove();
  await store.write(membership);
  log.info({ sensor, fleet: hostPort(fleet), link: hostPort(link) }, 'the sensor joined a fleet');
  return { membership, joined: true, changed: true };
}

/** A document that is too large for the request is left out: the fleet then begins with an empty one. */
function shortOf(document: string | undefined): string | undefined {
  return document === undefined || JSON.stringify(document).length > MAX_DOCUMENT_BYTES
    ? undefined
    : document;
}

async function presentMembership(store: MembershipStore, replace: boolean): Promise<Membership | undefined> {
  try {
    return await store.read();
  } catch (error) {
    // What is damaged may be replaced, on demand.
    if (replace) return undefined;
    throw error;
  }
}

/** The certificate of the authority whose fingerprint the token carries. */
async function provenAuthority(
  token: JoinToken,
  proxy: Proxy | undefined,
): Promise<{ ca: string; plain: boolean }> {
  const fleet = { host: token.host, port: token.port };
  let plain = false;
  const ca = await new Enrolment({ fleet, proxy }).authority().catch(async (error: unknown) => {
    // A fleet on this machine answers without TLS; elsewhere that is never tried.
    if (proxy !== undefined || !isLoopbackHost(fleet.host) || !isNotTls(error)) throw error;
    plain = true;
    return new Enrolment({ fleet, plain }).authority();
  });
  if (hasFingerprint(leafOf(ca), token.fingerprint)) return { ca, plain };
  throw new BulkheadError({
    code: 'FLEET_LINK_CA_WRONG',
    message: `Who answers at ${hostPort(fleet)} is not the fleet that made the token: its authority has another fingerprint.`,
    hint: 'Somebody stands between, or the token is of another fleet. Nothing was sent. Compare the fingerprint at the fleet.',
    fields: { fleet: hostPort(fleet) },
  });
}

function isNotTls(error: unknown): boolean {
  const cause = (error as { cause?: { code?: string } }).cause;
  return /^(ERR_SSL_|EPROTO)/.test(cause?.code ?? '');
}

function alreadyJoined({ sensor, fleet }: Membership): BulkheadError {
  return new BulkheadError({
    code: 'FLEET_LINK_ALREADY_JOINED',
    message: `The sensor belongs to the fleet at ${hostPort(fleet)} already, as ${sensor}.`,
    hint: '`--replace` leaves it and joins the other; `bulkhead fleet leave` only leaves.',
    fields: { fleet: hostPort(fleet), sensor },
  });
}
