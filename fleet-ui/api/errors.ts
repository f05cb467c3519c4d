import { z } from 'zod';

/** How every refusal and every failure is answered. The request's id stands in the header `x-request-id`. */
export const ErrorReplySchema = z
  .object({
    /** Stable, from the catalogue: `FLEET_WEB_NOT_FOUND`. */
    code: z.string(),
    /** What failed and on what. */
    message: z.string(),
    /** What can be done about it. */
    hint: z.string().optional(),
    /** Place and values, for machines: `pointer` is a JSON pointer into the request. */
    fields: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
  })
  .meta({ id: 'ErrorReply' });
export type ErrorReply = z.infer<typeof ErrorReplySchema>;
