import { createSocket } from 'node:dgram';
import { connect as connectTcp, isIP, isIPv6, type Socket } from 'node:net';
import { lookup } from 'node:dns/promises';
import { hostname } from 'node:os';
import { connect as connectTls } from 'node:tls';
import type { ChannelTarget } from '@bulkhead/fleet-api';
import { cutBytes, plain } from '../plain.ts';
import { addressRefused, guardedLookup, isLinkLocal } from './address.ts';
import { DELIVERY_MS, failedDelivery, type Accepted } from './outcome.ts';

type SyslogTarget = Extract<ChannelTarget, { kind: 'syslog' }>;

/** One line of a log. */
export interface SyslogLine {
  /** RFC 5424, 6.2.1: 2 critical, 4 warning, 5 notice, 6 informational. */
  severity: 2 | 4 | 5 | 6;
  /** ms since 1970 */
  atMs: number;
  /** What kind of message: `MSGID`. */
  kind: 'notification' | 'test';
  /** Parameters of the structured data; values may be anything. */
  data: Readonly<Record<string, string>>;
  text: string;
}

/** `local0`, RFC 5424, 6.2.1. */
const FACILITY = 16;
/** RFC 5612: the number for examples. Structured data needs one; ours is known by the name before it. */
const ENTERPRISE = 32_473;
/** Fits into one frame of a network. RFC 5426, 3.2 asks for no more than that. */
const UDP_BYTES_MOST = 1_400;
const STREAM_BYTES_MOST = 8_192;
/** A refusal by ICMP, or a connection that is reset, comes within this or is not learned of. */
const REFUSAL_MS = 500;

/** A line as RFC 5424 writes it. Nothing in a value can end it or begin another. */
export function syslogLine(line: SyslogLine, host = hostname()): string {
  const priority = FACILITY * 8 + line.severity;
  const name = host.replaceAll(/[^\x21-\x7e]/g, '').slice(0, 255) || '-';
  const data = Object.entries(line.data)
    .map(([key, value]) => ` ${key}="${plain(value, 300).replaceAll(/[\\"\]]/g, (one) => `\\${one}`)}"`)
    .join('');
  const head = `<${String(priority)}>1 ${new Date(line.atMs).toISOString()} ${name} bulkhead-fleet ${String(process.pid)} ${line.kind}`;
  // The byte order mark says that the text is UTF-8.
  return `${head} [bulkhead@${String(ENTERPRISE)}${data}] \uFEFF${plain(line.text, 4_000)}`;
}

/** RFC 6587, 3.4.1: the length in bytes, a blank, the line. */
export function countedFrame(line: string): Buffer {
  const bytes = Buffer.from(cutBytes(line, STREAM_BYTES_MOST));
  return Buffer.concat([Buffer.from(`${String(bytes.length)} `), bytes]);
}

/**
 * Sends one line. No transport of syslog has an answer: over TCP and TLS it is known that the other side took the bytes, over UDP
 * that nobody refused them.
 * @throws BulkheadError FLEET_NOTIFY_FAILED, FLEET_NOTIFY_ADDRESS_REFUSED
 */
export async function sendSyslog(target: SyslogTarget, line: SyslogLine): Promise<Accepted> {
  if (isLinkLocal(target.host)) throw addressRefused(target.host);
  const text = syslogLine(line);
  try {
    if (target.transport === 'udp') return await overUdp(target, text);
    return await overStream(target, countedFrame(text));
  } catch (error) {
    throw failedDelivery(error, []);
  }
}

async function overUdp({ host, port }: SyslogTarget, text: string): Promise<Accepted> {
  const address = isIP(host) === 0 ? await allowedAddress(host) : host;
  const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.connect(port, address, () => {
        socket.send(cutBytes(text, UDP_BYTES_MOST), (error) => {
          if (error !== null) reject(error);
          // A port that is closed is said so by the other machine, a moment later.
          else setTimeout(resolve, REFUSAL_MS);
        });
      });
    });
  } finally {
    socket.close();
  }
  return { answer: 'Sent. Over UDP nobody says that it arrived: look there.' };
}

async function allowedAddress(host: string): Promise<string> {
  const addresses = await lookup(host, { all: true });
  const allowed = addresses.find(({ address }) => !isLinkLocal(address));
  if (allowed === undefined) throw new Error(`${host} has no address that may be used`);
  return allowed.address;
}

async function overStream(target: SyslogTarget, frame: Buffer): Promise<Accepted> {
  const { host, port, transport, ca } = target;
  const socket: Socket =
    transport === 'tls'
      ? connectTls({
          ...{ host, port, lookup: guardedLookup, minVersion: 'TLSv1.2', rejectUnauthorized: true },
          ...(isIP(host) === 0 ? { servername: host } : {}),
          ...(ca === undefined ? {} : { ca }),
        })
      : connectTcp({ host, port, lookup: guardedLookup });
  let refusal: NodeJS.Timeout | undefined;
  const limit = setTimeout(() => {
    socket.destroy(new Error('It did not take the line in time.'));
  }, DELIVERY_MS);
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.once('close', () => {
        reject(new Error('The connection ended before the line was sent.'));
      });
      socket.once(transport === 'tls' ? 'secureConnect' : 'connect', () => {
        // Read and forgotten, so that its end is seen.
        socket.resume();
        socket.end(frame, () => {
          socket.removeAllListeners('close');
          socket.once('close', () => {
            resolve();
          });
          refusal = setTimeout(resolve, REFUSAL_MS);
        });
      });
    });
  } finally {
    clearTimeout(limit);
    clearTimeout(refusal);
    socket.on('error', () => undefined);
    socket.destroy();
  }
  return {
    answer:
      transport === 'tls'
        ? 'Sent, and the certificate of the other side is right. Syslog has no answer: look there.'
        : 'The other side took it. Syslog has no answer: look there.',
  };
}
