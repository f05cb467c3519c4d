import { createHash } from 'node:crypto';
import type { DataStore } from '@bulkhead/fleet-api';
import { BulkheadError, canonicalJson, signatureFits, type SignedReport } from '@bulkhead/platform/kernel';
import { z } from 'zod';

export const FLEET_REPORT_KIND = 'bulkhead-fleet-data-report';

/** What the fleet signs: its own stores, and which reports of sensors stand beneath. */
export interface FleetReport {
  kind: typeof FLEET_REPORT_KIND;
  version: 1;
  fleet: string;
  fleetVersion: string;
  /** ISO 8601, by the fleet's clock. */
  time: string;
  /** Who downloaded it. */
  by: string;
  /** All sensors of the fleet are in it; else those that this person may see. */
  complete: boolean;
  stores: DataStore[];
  sensors: {
    sensor: string;
    name: string;
    /** `none`: the fleet never got one. */
    report?: 'none';
    heardAt?: string;
    /** With which the sensor signed, base64; and the SHA-256 of its line. */
    key?: string;
    sha256?: string;
  }[];
}

const SignedSchema = z.strictObject({
  algorithm: z.literal('Ed25519'),
  publicKey: z.string(),
  report: z.looseObject({
    kind: z.literal(FLEET_REPORT_KIND),
    fleet: z.string(),
    time: z.string(),
    complete: z.boolean(),
    sensors: z.array(
      z.looseObject({
        sensor: z.string(),
        name: z.string(),
        heardAt: z.string().optional(),
        key: z.string().optional(),
        sha256: z.string().optional(),
      }),
    ),
  }),
  signature: z.string(),
});

/** What a check found; nothing that does not fit gets this far. */
export interface VerifiedFleetReport {
  fleet: string;
  time: string;
  complete: boolean;
  publicKey: string;
  sensors: { sensor: string; name: string; state: 'whole' | 'none' | 'left out'; heardAt?: string }[];
}

/**
 * Checks a downloaded report; needs no fleet and no sensor.
 * @param expectedKey base64 of the fleet's key, when it is known; without it, only that the file is whole is proven
 * @throws BulkheadError FLEET_DATA_REPORT_UNREADABLE, FLEET_DATA_REPORT_FORGED
 */
export function verifyFleetReport(text: string, expectedKey?: string): VerifiedFleetReport {
  const [first = '', ...rest] = text.trimEnd().split('\n');
  const { publicKey, report, signature } = readFirst(first);
  if (expectedKey !== undefined && expectedKey !== publicKey) {
    throw forged('it was signed with another key than the one that was given');
  }
  if (!signatureFits({ publicKey, report, signature }))
    throw forged('the signature does not fit what it says');
  const lines = new Map(rest.map((line) => [createHash('sha256').update(line).digest('hex'), line]));
  const sensors = report.sensors.map(({ sensor, name, heardAt, key, sha256 }) => {
    if (sha256 === undefined) return { sensor, name, state: 'none' as const };
    const when = heardAt === undefined ? {} : { heardAt };
    const line = lines.get(sha256);
    lines.delete(sha256);
    if (line === undefined) return { sensor, name, state: 'left out' as const, ...when };
    const signed = JSON.parse(line) as SignedReport<unknown>;
    if (signed.publicKey !== key || !signatureFits(signed)) throw forged(`what ${name} signed does not fit`);
    return { sensor, name, state: 'whole' as const, ...when };
  });
  if (lines.size > 0) throw forged('it holds lines that the fleet did not sign for');
  return { fleet: report.fleet, time: report.time, complete: report.complete, publicKey, sensors };
}

function readFirst(line: string): z.output<typeof SignedSchema> {
  let signed: z.output<typeof SignedSchema>;
  try {
    signed = SignedSchema.parse(JSON.parse(line));
  } catch (cause) {
    throw new BulkheadError({
      code: 'FLEET_DATA_REPORT_UNREADABLE',
      message: 'The file does not begin with the signed data report of a fleet.',
      cause,
    });
  }
  if (canonicalJson(signed) !== line) throw forged('it was reformatted or added to');
  return signed;
}

function forged(why: string): BulkheadError {
  return new BulkheadError({
    code: 'FLEET_DATA_REPORT_FORGED',
    message: `This is not the data report of that fleet: ${why}.`,
  });
}
