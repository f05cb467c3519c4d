import { z } from 'zod';

/** `GET /api/v1/about`: what a page needs before anybody is signed in. Says nothing of sensors or people. */
export const AboutSchema = z
  .object({
    product: z.literal('bulkhead'),
    version: z.string(),
    /** Of this API; a page that knows another one must be loaded again. */
    api: z.literal(1),
    /** Instrument pages are at `<instrument>.<sensor>.<baseDomain>`, on the port of this page. */
    baseDomain: z.string(),
    /** Nobody has set the fleet up yet: the first person does with the code that fleetd printed. */
    setUpNeeded: z.boolean(),
  })
  .meta({ id: 'About' });
export type About = z.infer<typeof AboutSchema>;

/** `GET /api/v1/health`: for load balancers and watchdogs. 503 while it is `starting` or `failed`. */
export const HealthSchema = z.object({ state: z.enum(['starting', 'ok', 'failed']) }).meta({ id: 'Health' });
export type Health = z.infer<typeof HealthSchema>;
