import { z } from 'zod';
import { NameSchema, ResourceNameSchema, type DownloadGrant } from '../../contracts/index.ts';
import { BulkheadError, parseStrict } from '../../kernel/index.ts';
import { DELIVERY_LIMITS } from '../../storage/index.ts';
import type { DesiredInstrument, DesiredState } from '../desired.ts';

const MIB = 1 << 20;

const FILE = {
  /** Name in the sender's outbox. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 hexadecimal digits'),
  bytes: z.int().min(0).max(DELIVERY_LIMITS.fileBytes),
};
/** To an instrument that the sender may hand files to. */
const DirectSchema = z.strictObject({
  ...FILE,
  to: NameSchema,
  as: ResourceNameSchema,
  /** Tell the receiver, and answer with what it says. */
  announce: z.boolean().default(true),
  remove: z.array(ResourceNameSchema).max(64).default([]),
});
/** For an approved download; who gets it under which name is what was approved. */
const DownloadedSchema = z.strictObject({
  ...FILE,
  download: z.string().regex(/^[a-z0-9-]{1,30}\/[a-z0-9-]{1,32}$/, 'must be the id of a download'),
});

/** A delivery that its sender has the right to. */
export interface AllowedDelivery {
  to: string;
  as: string;
  sha256: string;
  bytes: number;
  maxBytes: number;
  announce: boolean;
  remove: readonly string[];
  /** Id of the approved download that it is for. */
  download: string | undefined;
}

/**
 * What an instrument asks for, if it has the right to it. Pure.
 * @throws BulkheadError SENSORD_REQUEST_INVALID, SENSORD_DELIVERY_NOT_GRANTED, SENSORD_INSTRUMENT_UNKNOWN,
 *         SENSORD_DELIVERY_DIGEST
 */
export function allowedDelivery(desired: DesiredState, from: string, payload: unknown): AllowedDelivery {
  const isDownload = typeof payload === 'object' && payload !== null && 'download' in payload;
  const code = 'SENSORD_REQUEST_INVALID';
  if (isDownload) {
    return forDownload(desired, from, parseStrict(DownloadedSchema, payload, code, 'The delivery'));
  }
  const request = parseStrict(DirectSchema, payload, code, 'The delivery');
  const { to, as } = request;
  const sender = desired.instruments.find(({ name }) => name === from);
  if (sender?.rights.deliver.some((right) => right.to === to) !== true)
    throw notGranted(from, `hand files to ${to}`, { from, to, as });
  receiver(desired, to);
  return { ...request, maxBytes: DELIVERY_LIMITS.fileBytes, download: undefined };
}

/** The instrument that fetches for all: the first that may; of several the others may not. */
export function fetcher({ instruments }: DesiredState): DesiredInstrument | undefined {
  return instruments.find(({ enabled, rights }) => enabled && rights.fetch);
}

/** Bytes that a download may have: what was approved, and never more than a delivery. */
export function downloadBytes({ maxMib }: Pick<DownloadGrant, 'maxMib'>): number {
  return Math.min(maxMib * MIB, DELIVERY_LIMITS.fileBytes);
}

function forDownload(
  desired: DesiredState,
  from: string,
  { download, sha256, bytes }: z.output<typeof DownloadedSchema>,
): AllowedDelivery {
  if (fetcher(desired)?.name !== from) throw notGranted(from, 'deliver downloads', { from, download });
  const [to = '', name] = download.split('/');
  const approved = desired.instruments
    .find((one) => one.name === to)
    ?.rights.downloads.find((one) => one.name === name);
  if (approved === undefined)
    throw notGranted(from, `deliver ${download}, which is not approved`, { from, download });
  // The fetcher checks this too; here it holds also when the fetcher was taken over.
  if (approved.sha256 !== undefined && approved.sha256 !== sha256) {
    throw new BulkheadError({
      code: 'SENSORD_DELIVERY_DIGEST',
      message: `${download} was not delivered: its SHA-256 is ${sha256}, and approved is ${approved.sha256}.`,
      hint: 'If the source has a new version on purpose, approve the download again with its digest.',
      fields: { from, download },
    });
  }
  const maxBytes = downloadBytes(approved);
  return { to, as: approved.as, sha256, bytes, maxBytes, announce: true, remove: [], download };
}

/** @throws BulkheadError SENSORD_INSTRUMENT_UNKNOWN */
export function receiver(desired: DesiredState, name: string): DesiredInstrument {
  const found = desired.instruments.find((one) => one.name === name);
  if (found !== undefined) return found;
  throw new BulkheadError({
    code: 'SENSORD_INSTRUMENT_UNKNOWN',
    message: `There is no instrument ${name} on this sensor that could get a file.`,
    hint: '`bulkhead instrument list` shows their names.',
    fields: { instrument: name },
  });
}

function notGranted(from: string, what: string, fields: Record<string, string>): BulkheadError {
  return new BulkheadError({
    code: 'SENSORD_DELIVERY_NOT_GRANTED',
    message: `${from} may not ${what}.`,
    hint: '`bulkhead grants show` lists what was asked for and given.',
    fields,
  });
}
