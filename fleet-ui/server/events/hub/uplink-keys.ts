import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { SensorIdSchema } from '@bulkhead/platform/contracts';
import { parseStrict, writeFileAtomic } from '@bulkhead/platform/kernel';

const KeySchema = z.string().regex(/^U[A-Z2-7]{55}$/);
const UplinkKeysSchema = z.strictObject({
  version: z.literal(1),
  /** Sensor id → public key of its uplink. */
  sensors: z.record(SensorIdSchema, KeySchema),
});

export function isUplinkKey(sensor: string, key: string): boolean {
  return SensorIdSchema.safeParse(sensor).success && KeySchema.safeParse(key).success;
}

/** @throws BulkheadError FLEET_HUB_UPLINKS_INVALID */
export function readUplinkKeys(file: string): Map<string, string> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Map();
    throw error;
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  return new Map(
    Object.entries(parseStrict(UplinkKeysSchema, value, 'FLEET_HUB_UPLINKS_INVALID', file).sensors),
  );
}

export async function writeUplinkKeys(file: string, sensors: ReadonlyMap<string, string>): Promise<void> {
  await writeFileAtomic(
    file,
    `${JSON.stringify({ version: 1, sensors: Object.fromEntries(sensors) }, null, 2)}\n`,
  );
}
