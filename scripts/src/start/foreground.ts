import { setTimeout as sleep } from 'node:timers/promises';
import type { SensorClient } from '@bulkhead/platform/cli';
import { PLATFORM, type SensorStatus, type StoredEvent } from '@bulkhead/platform/contracts';
import { describeAlert } from '@bulkhead/platform/events';
import { BulkheadError, describeError, sitePaths, type Site } from '@bulkhead/platform/kernel';
import type { RunningSensor } from './running-sensor.ts';

const LEDGER_EVERY_MS = 15_000;

/** A sensor whose alerts are shown. */
export interface Shown {
  name: string;
  site: Site;
  client: SensorClient;
  sensor: RunningSensor;
}

interface ForegroundParts {
  shown: readonly [Shown, ...Shown[]];
  signal: AbortSignal;
}

/**
 * Shows alerts in words and packets seen and lost until interrupted; of several sensors with their names.
 * @throws when a sensor ends by itself.
 */
export async function runForeground({ shown, signal }: ForegroundParts): Promise<void> {
  const [, ...others] = shown;
  const several = others.length > 0;
  process.stdout.write(
    [
      '',
      `${several ? 'The sensors are' : 'The sensor is'} up. Alerts follow as they are stored; Ctrl-C takes everything down. In another terminal:`,
      '  sudo scripts/bulkhead status          the sensor at a glance',
      '  sudo scripts/bulkhead events tail     every event (--type dns, --json)',
      '  sudo scripts/bulkhead logs suricata   what the IDS says',
      '  sudo scripts/bulkhead doctor          what is missing or weak on this machine',
      ...others.map(
        ({ name, site }) => `  with --socket ${sitePaths(site).sensordSocket}   the same of ${name}`,
      ),
      '',
      '',
    ].join('\n'),
  );
  const over = new AbortController();
  const until = AbortSignal.any([signal, over.signal]);
  const ends = shown.map(async ({ name, sensor }) => {
    const how = await sensor.ended;
    throw new BulkheadError({
      code: 'START_SENSORD_FAILED',
      message: `sensord${several ? ` of ${name}` : ''} ${how}.`,
      hint: `Read ${sensor.logFile}.`,
    });
  });
  const shows = shown.flatMap(({ name, client }) => {
    const mark = several ? `${name}  ` : '';
    return [showEvents(client, mark, until), showLedger(client, mark, until)];
  });
  try {
    await Promise.race([Promise.all(shows), ...ends]);
  } finally {
    over.abort();
  }
}

async function showEvents(client: SensorClient, mark: string, signal: AbortSignal): Promise<void> {
  while (!isAborted(signal)) {
    try {
      for await (const event of client.events({ follow: '1', last: '0' }, signal)) {
        const line = wording(event);
        if (line !== undefined) process.stdout.write(`${mark}${line}\n`);
      }
    } catch (error) {
      if (!isAborted(signal)) process.stderr.write(`${mark}events: ${describeError(error)}; trying again\n`);
    }
    await pause(1000, signal);
  }
}

/** What is worth a line here; everything else is one `bulkhead events tail` away. */
function wording(event: StoredEvent): string | undefined {
  if (event.type === 'alert') return describeAlert(event);
  if (event.instrument === PLATFORM && event.type !== 'check.passed') {
    return `${event.time}  sensor  ${event.type}  ${JSON.stringify(event.record)}`;
  }
  return undefined;
}

async function showLedger(client: SensorClient, mark: string, signal: AbortSignal): Promise<void> {
  for (;;) {
    await pause(LEDGER_EVERY_MS, signal);
    if (isAborted(signal)) return;
    try {
      process.stdout.write(`${mark}${ledgerLine(await client.status())}\n`);
    } catch (error) {
      process.stderr.write(`${mark}status: ${describeError(error)}\n`);
    }
  }
}

function ledgerLine({ monitors, counts, attention }: SensorStatus): string {
  const packets = monitors
    .map(({ name, packets: p, check }) => {
      const lost = p.lost === 0 ? '0 lost' : `${String(p.lost)} LOST`;
      return `${name}: ${String(p.received)} packets seen, ${lost}, detection check ${check.state}`;
    })
    .join('; ');
  const trouble = attention.length === 0 ? '' : ` | ! ${attention.join('; ')}`;
  return `-- ${packets} | ${String(counts.alerts)} alerts stored${trouble}`;
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}

/** Asked afresh each time; the compiler would take a property for unchanged across an await. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
