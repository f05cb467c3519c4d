import type { SensorClient } from '@bulkhead/platform/cli';
import type { SensorStatus, StoredEvent } from '@bulkhead/platform/contracts';
import { DETECTION_CHECK } from '@bulkhead/platform/contracts';
import { describeAlert } from '@bulkhead/platform/events';
import { BulkheadError } from '@bulkhead/platform/kernel';
import type { ChainReport } from './chain.ts';
import type { StartOptions } from './options.ts';
import type { Stages } from './stages.ts';

/** What `--once --json` prints beside the stages. */
export interface OnceReport {
  versions: Record<string, string>;
  counts: SensorStatus['counts'];
  losses: { monitor: string; received: number; lost: number; where: { stage: string; packets: number }[] }[];
  /** The first stored alert and the first stored detection check. */
  alert: StoredEvent | undefined;
  check: StoredEvent;
  /** In the lab: from the rule source to a named alert. */
  chain?: ChainReport;
}

interface OnceParts {
  client: SensorClient;
  stages: Stages;
  options: StartOptions;
  signal: AbortSignal;
}

/** Waits until a detection check and an alert are stored. Without `--once` a missing alert is no failure. */
export async function runOnce({ client, stages, options, signal }: OnceParts): Promise<OnceReport> {
  const check = await stages.run(
    'check',
    'Waiting for the first detection check to come back',
    async (progress) => {
      const event = await firstEvent(client, DETECTION_CHECK.eventType, options.timeoutS, signal);
      progress('a marked packet went from the monitor interface through the IDS to the store');
      return event;
    },
  );
  const mustAlert = options.once || options.mode.kind === 'lab';
  const alert = !mustAlert
    ? undefined
    : await stages.run('alert', 'Waiting for the first alert', async (progress) => {
        const event = await firstEvent(client, 'alert', options.timeoutS, signal);
        progress(describeAlert(event));
        return event;
      });
  // The counters of the packets that made the alert need a moment to be read everywhere.
  const status = await client.status();
  return {
    versions: { bulkhead: status.version, ...status.versions },
    counts: status.counts,
    losses: status.monitors.map(({ name, packets }) => ({
      monitor: name,
      received: packets.received,
      lost: packets.lost,
      where: packets.lostWhere,
    })),
    alert,
    check,
  };
}

async function firstEvent(
  client: SensorClient,
  type: string,
  timeoutS: number,
  signal: AbortSignal,
): Promise<StoredEvent> {
  const late = AbortSignal.timeout(timeoutS * 1000);
  try {
    // Not older than this sensor: a real NIC's store keeps what earlier runs recorded.
    const query = { type, since: (await client.status()).startedAt, follow: '1' };
    for await (const event of client.events(query, AbortSignal.any([late, signal]))) {
      return event;
    }
  } catch (error) {
    if (!late.aborted) throw error;
  }
  throw new BulkheadError({
    code: 'START_NOTHING_STORED',
    message: `No event of type "${type}" was stored within ${String(timeoutS)} s.`,
    hint: 'Look at `bulkhead status`, `bulkhead logs suricata` and `bulkhead doctor` while the sensor runs.',
    fields: { type, timeoutS },
  });
}
