import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { DNS_LOOKUP, NameSchema, PassiveDnsAnswerSchema } from '../contracts/index.ts';
import { BulkheadError, parseStrict } from '../kernel/index.ts';
import type { Feature, FeatureContext } from './feature.ts';

const LOOKUP_MS = 10_000;
const LATEST_S = 253_402_300_799;

const QuerySchema = z.strictObject({
  query: z.string().min(1).max(1_020),
  rrtype: z
    .string()
    .regex(/^[A-Za-z0-9-]{1,16}$/, 'must be a record type, e.g. AAAA')
    .optional(),
  /** Seconds since 1970. */
  since: z.coerce.number().int().min(0).max(LATEST_S).optional(),
  until: z.coerce.number().int().min(0).max(LATEST_S).optional(),
  limit: z.coerce.number().int().min(1).max(1_000).optional(),
  offset: z.coerce.number().int().min(0).max(100_000).optional(),
  instrument: NameSchema.optional(),
});

/** Hands DNS lookups to the instrument that answers them. It keeps nothing, so there is nothing to start. */
export function dnsFeature({ configuration, rooms }: FeatureContext): Feature {
  return {
    name: 'dns',
    routes: (app: FastifyInstance) => {
      app.get('/v1/dns/lookup', async (request) => {
        const { instrument, ...lookup } = parseStrict(
          QuerySchema,
          request.query,
          'SENSORD_REQUEST_INVALID',
          'The request',
        );
        const to = chooseResolver(
          configuration.desired.instruments
            .filter(({ enabled, rights }) => enabled && rights.accept.includes(DNS_LOOKUP))
            .map(({ name }) => name),
          instrument,
        );
        const reply = await rooms.bus.send(to, DNS_LOOKUP, lookup, LOOKUP_MS);
        if (!reply.ok) {
          throw new BulkheadError({
            code: 'SENSORD_DNS_REFUSED',
            message: `${to} refused the lookup: ${reply.message} (${reply.code})`,
            hint: 'Its health in `bulkhead instrument list` may say more.',
            fields: { instrument: to, reason: reply.code },
          });
        }
        const answer = parseStrict(
          PassiveDnsAnswerSchema,
          reply.result,
          'BUS_REPLY_INVALID',
          `The answer of ${to} to ${DNS_LOOKUP}`,
        );
        return { instrument: to, ...answer };
      });
    },
    start: () => Promise.resolve(),
    stop: () => Promise.resolve(),
  };
}

/**
 * Which instrument is asked.
 * @param names Instruments that answer lookups.
 * @throws BulkheadError SENSORD_DNS_UNKNOWN, SENSORD_DNS_AMBIGUOUS
 */
export function chooseResolver(names: readonly string[], wanted: string | undefined): string {
  const [first, ...others] = names;
  if (wanted !== undefined && names.includes(wanted)) return wanted;
  if (first === undefined || wanted !== undefined) {
    throw new BulkheadError({
      code: 'SENSORD_DNS_UNKNOWN',
      message:
        wanted === undefined
          ? 'No instrument of this sensor answers DNS lookups.'
          : `${wanted} does not answer DNS lookups${first === undefined ? '' : `; ${names.join(', ')} does`}.`,
      hint: 'Add an instrument with the package passive-dns to the configuration, and let it read the dns events of an IDS.',
      fields: { instrument: wanted },
    });
  }
  if (others.length > 0) {
    throw new BulkheadError({
      code: 'SENSORD_DNS_AMBIGUOUS',
      message: `Several instruments answer DNS lookups: ${names.join(', ')}.`,
      hint: 'Say which one with --instrument.',
    });
  }
  return first;
}
