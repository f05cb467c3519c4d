import { SensorStatusViewSchema, type SensorStatusView } from '@bulkhead/fleet-api';

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
  const parsed = SensorStatusViewSchema.safeParse(value);
  return parsed.success ? parsed.data : undefined;
}

/** What of a status is worth telling everybody who watches the whole fleet. Equal digests: nothing to tell. */
export function statusDigest(status: SensorStatusView): string {
  return JSON.stringify([
    status.version,
    status.healthy,
    status.attention,
    status.config?.revision,
    status.monitors.map(({ name, state, check }) => [name, state, check?.state]),
    status.instruments.map(({ name, state, health, version }) => [name, state, health, version]),
  ]);
}
