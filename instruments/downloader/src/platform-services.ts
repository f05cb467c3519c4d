import type { Instrument } from '@bulkhead/sdk';
import { z } from 'zod';
import type { Resolve } from './connection.ts';
import type { CourierParts } from './courier.ts';
import { DownloadError, reasonOf } from './errors.ts';

const ResolvedSchema = z.object({
  addresses: z.array(z.object({ address: z.string().max(64) })).max(64),
});

const RESOLVE_MS = 15_000;
/** The longest that the bus waits: the platform copies and hashes the file meanwhile, and tells its receiver. */
const DELIVER_MS = 60_000;

/** Names are resolved by the platform, which lets only approved ones through and opens the way to what it answers. */
export function resolveByPlatform(instrument: Pick<Instrument, 'ask'>): Resolve {
  return async (name) => {
    const reply = ResolvedSchema.safeParse(
      await instrument.ask('resolve', { name }, { timeoutMs: RESOLVE_MS }),
    );
    if (!reply.success) {
      throw new DownloadError('DOWNLOADER_NOT_RESOLVED', `The answer about ${name} is not of its form.`);
    }
    return reply.data.addresses.map(({ address }) => address);
  };
}

/** The platform copies a file from the outbox to the instrument that it is for. */
export function deliverByPlatform(instrument: Pick<Instrument, 'ask'>): CourierParts['deliver'] {
  return async (delivery) => {
    try {
      return await instrument.ask('deliver', delivery, { timeoutMs: DELIVER_MS });
    } catch (cause) {
      throw new DownloadError(
        'DOWNLOADER_DELIVERY_FAILED',
        `The file arrived, but was not delivered: ${reasonOf(cause)}`,
        { cause },
      );
    }
  };
}
