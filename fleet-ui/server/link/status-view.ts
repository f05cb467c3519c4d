import {
  InstrumentViewSchema,
  MonitorViewSchema,
  SensorStatusViewSchema,
  type SensorStatusView,
} from '@bulkhead/fleet-api';
import { z } from 'zod';

/** Parts of a status that are shown by themselves; one of them that cannot be read takes nothing else with it. */
const PARTS = SensorStatusViewSchema.shape;
const OPTIONAL_PARTS = [
  'sensor',
  'version',
  'versions',
  'startedAt',
  'healthy',
  'config',
  'bus',
  'counts',
  'host',
  'volumes',
] as const;
const AttentionSchema = z.string();

/**
 * What a sensor says of itself, as far as it can be read. A sensor of another version may say more or less: what is not
 * understood is left as it is, what is missing is missing, and only what is no JSON object is refused.
 */
export function readStatus(json: Buffer): SensorStatusView | undefined {
  let value: unknown;
  try {
    value = JSON.parse(json.toString('utf8'));
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const said: Record<string, unknown> = Object.fromEntries(
    Object.entries(value).filter(([name, part]) => isReadable(name, part)),
  );
  const parsed = SensorStatusViewSchema.safeParse({
    ...said,
    attention: readable(said['attention'], AttentionSchema, 200).map((text) => text.slice(0, 2_000)),
    monitors: readable(said['monitors'], MonitorViewSchema, 64),
    instruments: readable(said['instruments'], InstrumentViewSchema, 256),
  });
  return parsed.success ? parsed.data : undefined;
}

function isReadable(name: string, part: unknown): boolean {
  const known = OPTIONAL_PARTS.find((one) => one === name);
  return known === undefined || PARTS[known].safeParse(part).success;
}

function readable<T>(list: unknown, schema: z.ZodType<T>, most: number): T[] {
  if (!Array.isArray(list)) return [];
  return list.slice(0, most).flatMap((one: unknown) => {
    const read = schema.safeParse(one);
    return read.success ? [read.data] : [];
  });
}

/** What of a status is worth telling everybody who watches the whole fleet. Equal digests: nothing to tell. */
export function statusDigest(status: SensorStatusView): string {
  return JSON.stringify([
    status.version,
    status.healthy,
    // How many packets were lost is no news each second; that some are is.
    status.attention.map((text) => text.replaceAll(/\d+/g, '#')),
    status.config?.revision,
    status.monitors.map(({ name, state, check }) => [name, state, check?.state]),
    status.instruments.map(({ name, state, health, version }) => [name, state, health, version]),
  ]);
}
