import { stat } from 'node:fs/promises';
import type { DataHandlers, KeptCopy } from '@bulkhead/sdk';

/**
 * What this instrument keeps beyond a stop: the ruleset that ran last, and nothing that was seen on the network. Events go to the
 * bus and are forgotten; flows and buffers are Suricata's memory.
 */
export async function keptData(lastGoodPath: string): Promise<KeptCopy[]> {
  const facts = await stat(lastGoodPath).catch(() => undefined);
  if (facts === undefined) return [];
  const time = facts.mtime.toISOString();
  return [
    {
      name: 'last-good-ruleset',
      what: 'the rules that ran last without complaint; no traffic and no events',
      records: 1,
      bytes: facts.size,
      oldest: time,
      newest: time,
    },
  ];
}

/** Nothing about anybody is kept, so there is nothing to find, to delete or to hold. */
export const NO_PERSONAL_DATA: DataHandlers = Object.freeze({
  find: () => [],
  purge: () => 0,
  hold: () => undefined,
});
