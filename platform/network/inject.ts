import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { BulkheadError, linkName, run, type Logger, type Site } from '../kernel/index.ts';
import { DETECTION_CHECK } from '../contracts/index.ts';
import { tableOfLink } from './names.ts';
import { ensurePair, type Pair } from './pairs.ts';

/**
 * The pair through which detection checks enter: what we send on `k` arrives at `j`, whose tc rule moves it into the
 * monitor interface's receive path, as if it had come from the wire. Neither end is ever near the wire: the move is to
 * *ingress*. Anything but a detection check meets the drop rule of `j`.
 */
function checkPair(at: Site, monitor: string): Pair {
  const host = linkName(at, 'j', monitor);
  return { host, container: linkName(at, 'k', monitor), table: tableOfLink(at, host) };
}

/** Makes the pair of a monitor interface if it is absent. Called at attach; again before each check, in case it was lost. */
export async function ensureCheckPair(
  at: Site,
  monitor: string,
  device: string,
  log: Logger,
): Promise<string> {
  const outer = { host: linkName(at, 'k', monitor), table: tableOfLink(at, linkName(at, 'k', monitor)) };
  const pair = checkPair(at, monitor);
  const inner = await ensurePair(pair, log);
  // The sending end lies in the host, too, so it gets the same guard (the pair stands now: this only guards and raises).
  await ensurePair({ host: outer.host, container: pair.host, table: outer.table }, log);
  const shown = await run('tc', ['filter', 'show', 'dev', pair.host, 'ingress'], { allowFailure: true });
  if (inner.created || !shown.stdout.includes(`(Ingress Mirror to device ${device})`)) {
    await run('tc', ['qdisc', 'del', 'dev', pair.host, 'clsact'], { allowFailure: true });
    await run('tc', ['qdisc', 'add', 'dev', pair.host, 'clsact']);
    const { source, destination, sourcePort, destinationPort } = DETECTION_CHECK;
    const match = [
      ['ip', 'protocol', '17', '0xff'],
      ['ip', 'src', `${source}/32`],
      ['ip', 'dst', `${destination}/32`],
      ['ip', 'sport', String(sourcePort), '0xffff'],
      ['ip', 'dport', String(destinationPort), '0xffff'],
    ].flatMap((words) => ['match', ...words]);
    const action = ['action', 'mirred', 'ingress', 'mirror', 'dev', device];
    await run('tc', [
      'filter',
      'add',
      'dev',
      pair.host,
      'ingress',
      'protocol',
      'ip',
      'u32',
      ...match,
      ...action,
    ]);
  }
  return outer.host;
}

/**
 * Refuses what is not a detection check. The kernel's rule refuses it, too; this one says why.
 * @throws BulkheadError NETWORK_INJECT_REFUSED
 */
export function requireCheckFrame(frame: Buffer): void {
  const refuse = (why: string): never => {
    throw new BulkheadError({
      code: 'NETWORK_INJECT_REFUSED',
      message: `The frame to inject is not a detection check: ${why}.`,
    });
  };
  if (frame.length < 60 || frame.length > 1514) refuse(`it has ${String(frame.length)} bytes`);
  if (frame.readUInt16BE(12) !== 0x0800 || frame[14] !== 0x45)
    refuse('it is not untagged IPv4 without options');
  if (frame[23] !== 17) refuse('it is not UDP');
  const address = (at: number): string => [...frame.subarray(at, at + 4)].join('.');
  if (address(26) !== DETECTION_CHECK.source || address(30) !== DETECTION_CHECK.destination) {
    refuse('its addresses are not those of the detection check');
  }
  if (
    frame.readUInt16BE(34) !== DETECTION_CHECK.sourcePort ||
    frame.readUInt16BE(36) !== DETECTION_CHECK.destinationPort
  ) {
    refuse('its ports are not those of the detection check');
  }
}

/** Sends one frame on `link` by way of a capture file of one packet, which is what tcpreplay takes. */
export async function sendFrame(at: Site, link: string, frame: Buffer): Promise<void> {
  const file = join(at.runDir, 'network', `check-${randomBytes(6).toString('hex')}.pcap`);
  await writeFile(file, pcapOf(frame), { mode: 0o600 });
  try {
    await run('tcpreplay', ['--quiet', '--intf1', link, file], { timeoutMs: 10_000 });
  } finally {
    await rm(file, { force: true });
  }
}

/** A capture file (libpcap's format 2.4, Ethernet) with one packet. */
export function pcapOf(frame: Buffer): Buffer {
  const header = Buffer.alloc(40);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(65_535, 16); // longest packet
  header.writeUInt32LE(1, 20); // LINKTYPE_ETHERNET
  header.writeUInt32LE(Math.floor(Date.now() / 1000), 24);
  header.writeUInt32LE(frame.length, 32);
  header.writeUInt32LE(frame.length, 36);
  return Buffer.concat([header, frame]);
}
