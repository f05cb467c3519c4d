import { z } from 'zod';
import { NameSchema, SensorIdSchema } from './shapes.ts';

/** `POST /api/v1/ui-access`: a person wants to open the page of an instrument. Needs `instruments.open` for it. */
export const UiAccessRequestSchema = z.strictObject({ sensor: SensorIdSchema, instrument: NameSchema });
export type UiAccessRequest = z.infer<typeof UiAccessRequestSchema>;

/**
 * The web app then sends a form with the field `code` to `<origin>/.bulkhead/enter`, by POST, in a new window. A field `path`
 * may name where to begin, e.g. `/rules?sid=1`.
 */
export const UiAccessReplySchema = z
  .object({
    /** Of the page: `https://rules.lab.fleet.example.org:8443`. */
    origin: z.string(),
    /** Good once, for this origin. Never put it into an address. */
    code: z.string(),
    expiresAt: z.iso.datetime({ offset: true }),
  })
  .meta({ id: 'UiAccess' });
export type UiAccessReply = z.infer<typeof UiAccessReplySchema>;

const HOST_LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/**
 * How a sensor is called in addresses of its instruments' pages: by its name where that can stand in a host name, else by its
 * id. The id always leads there, whatever the name is.
 */
export function sensorLabel(sensor: { id: string; name: string }): string {
  return HOST_LABEL.test(sensor.name) && !isIdLabel(sensor.name) ? sensor.name : idLabel(sensor.id);
}

/** An id as it stands in a host name, where `_` may not. */
export function idLabel(id: string): string {
  return id.replace('_', '-');
}

/** The id that a label stands for, when it does. */
export function idOfLabel(label: string): string | undefined {
  return isIdLabel(label) ? label.replace('-', '_') : undefined;
}

function isIdLabel(label: string): boolean {
  return /^s-[a-z2-7]{16}$/.test(label);
}
