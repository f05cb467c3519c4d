import { open } from 'node:fs/promises';
import { BulkheadError, keyFingerprint } from '@bulkhead/platform/kernel';
import { verifyFleetReport } from '../data/index.ts';

/** Larger than the report of any fleet. */
const FILE_BYTES_MOST = 512 * 2 ** 20;

/**
 * Checks a downloaded data report, and says what it is in words for people.
 * @throws BulkheadError FLEET_DATA_REPORT_UNREADABLE, FLEET_DATA_REPORT_FORGED
 */
export async function verifyReportFile(file: string, key: string | undefined): Promise<string> {
  const report = verifyFleetReport(await readBounded(file), key);
  const lines = [
    `whole and signed: fleet ${printable(report.fleet)}, ${printable(report.time)}`,
    `key ${keyFingerprint(report.publicKey)}${
      key === undefined
        ? '\nThat it is the key of that fleet only the fleet can tell: see the page Data.'
        : ', the one that was given'
    }`,
    ...(report.complete
      ? []
      : ['Not all sensors of the fleet are in it: who downloaded it may not see them.']),
    ...report.sensors.map(
      ({ name, sensor, state, heardAt }) =>
        `${printable(name)} (${printable(sensor)}): ${STATES[state]}${heardAt === undefined ? '' : `, heard ${printable(heardAt)}`}`,
    ),
  ];
  return `${lines.join('\n')}\n`;
}

const STATES = {
  whole: 'whole and signed by the sensor',
  none: 'the fleet never got a report',
  'left out': 'its report is not in the file; a newer one came while it was downloaded',
} as const;

async function readBounded(file: string): Promise<string> {
  const handle = await open(file).catch((cause: unknown) => {
    throw unreadable('it cannot be opened', cause);
  });
  try {
    const { size } = await handle.stat();
    if (size > FILE_BYTES_MOST) throw unreadable('it is larger than a report can be');
    return await handle.readFile('utf8');
  } finally {
    await handle.close();
  }
}

/** A file may say anything, also to a terminal. */
function printable(text: string): string {
  return text.replace(/[^\p{L}\p{N}\p{P}\p{S} ]/gu, '?').slice(0, 200);
}

function unreadable(why: string, cause?: unknown): BulkheadError {
  return new BulkheadError({
    code: 'FLEET_DATA_REPORT_UNREADABLE',
    message: `The data report cannot be checked: ${why}.`,
    ...(cause === undefined ? {} : { cause }),
  });
}
