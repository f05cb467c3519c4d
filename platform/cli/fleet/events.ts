import { setTimeout as sleep } from 'node:timers/promises';
import type { EventPage, FleetEvent, Sensor } from '@bulkhead/fleet-api';
import { Option, type Command } from 'commander';
import { describeEvent } from '../../events/index.ts';
import { describeError } from '../../kernel/index.ts';
import type { GlobalOptions } from '../command-group.ts';
import { EXIT } from '../exit-codes.ts';
import { plain, wholeNumber, type FleetAction, type FleetWork } from './fleet-action.ts';
import type { FleetClient } from './fleet-client.ts';
import { sensorOf } from './lookup.ts';

interface EventOptions {
  sensor?: string[];
  type?: string;
  instrument?: string;
  severity?: string;
  since?: string;
  until?: string;
  address?: string;
  name?: string;
  signature?: string;
  text?: string;
  flow?: string;
  handled?: string;
  limit: string;
  cursor?: string;
  follow?: boolean;
}

const AGAIN_MS = 2_000;

/** Events of all sensors. */
export function eventsCommands(fleet: Command, act: FleetAction): void {
  fleet
    .command('events')
    .description(
      'events of all sensors that you may see, newest first; with --follow then new ones, as they come',
    )
    .option('--sensor <sensor...>', 'of these sensors, by name or id')
    .option('--type <types>', 'of these types, separated by commas, e.g. alert,dns')
    .option('--instrument <names>', 'of these instruments, separated by commas (platform: the sensor itself)')
    .addOption(
      new Option('--severity <least>', 'at least so severe').choices(['info', 'low', 'medium', 'high']),
    )
    .option('--since <time>', 'from this time on (ISO 8601)')
    .option('--until <time>', 'before this time (ISO 8601)')
    .option('--address <address>', 'with this address, or one of this network (10.0.0.0/8)')
    .option('--name <name>', 'with this name, or one below it (*.example.org)')
    .option('--signature <signature>', 'alerts of this signature: its id, or words of its text')
    .option('--text <words>', 'with all these words; word* for a beginning')
    .option('--flow <id>', 'of this flow (flow id or Community ID)')
    .addOption(
      new Option('--handled <which>', 'dealt with by somebody, or by nobody yet').choices(['yes', 'no']),
    )
    .option('--limit <count>', 'at most this many', '50')
    .option('--cursor <cursor>', 'go on behind an earlier answer')
    .option('--follow', 'go on with new events until Ctrl-C')
    .action(act(events));
}

const events: FleetWork = async (fleet, options, own: EventOptions) => {
  const { sensors } = await fleet.get<{ sensors: Sensor[] }>('/sensors');
  const names = new Map(sensors.map(({ id, name }) => [id, name]));
  const filter = {
    type: undefined,
    sensors:
      own.sensor &&
      (await Promise.all(own.sensor.map(async (one) => (await sensorOf(fleet, one)).id))).join(),
    types: own.type,
    instruments: own.instrument,
    severity: own.severity,
    since: own.since,
    until: own.until,
    address: own.address,
    name: own.name,
    signature: own.signature,
    text: own.text,
    flow: own.flow,
    handled: own.handled,
  };
  const limit = String(wholeNumber(own.limit, '--limit', 1, 200));
  const page = await fleet.get<EventPage>('/events', { ...filter, limit, cursor: own.cursor });
  const show = (event: FleetEvent) => {
    process.stdout.write(`${options.json === true ? JSON.stringify(event) : eventLine(event, names)}\n`);
  };
  if (own.follow === true) {
    // In the order in which they happened, as what follows.
    for (const event of page.events.toReversed()) show(event);
    await follow(fleet, filter, show);
    return EXIT.ok;
  }
  said(options, page, show);
  return EXIT.ok;
};

function said(options: GlobalOptions, page: EventPage, show: (event: FleetEvent) => void): void {
  if (options.json === true) {
    process.stdout.write(`${JSON.stringify(page)}\n`);
    return;
  }
  for (const event of page.events) show(event);
  if (page.events.length === 0 && page.complete) process.stderr.write('no such events\n');
  if (!page.complete) process.stderr.write('not everything was looked through yet; go on with the cursor\n');
  if (page.cursor !== undefined) process.stderr.write(`more: --cursor ${page.cursor}\n`);
}

/** Until Ctrl-C; a lost connection is made again, and said: what came meanwhile is found by a search. */
async function follow(
  fleet: FleetClient,
  filter: Record<string, string | undefined>,
  show: (event: FleetEvent) => void,
): Promise<void> {
  const over = new AbortController();
  const stop = () => {
    over.abort();
  };
  process.once('SIGINT', stop);
  try {
    while (!isAborted(over.signal)) {
      let why = 'the fleet ended the connection';
      try {
        for await (const event of fleet.live<FleetEvent>('/events/live', 'event', filter, over.signal))
          show(event);
      } catch (error) {
        why = describeError(error);
      }
      if (isAborted(over.signal)) return;
      process.stderr.write(`${why}; trying again\n`);
      await sleep(AGAIN_MS, undefined, { signal: over.signal }).catch(() => undefined);
    }
  } finally {
    process.off('SIGINT', stop);
  }
}

function eventLine(event: FleetEvent, names: ReadonlyMap<string, string>): string {
  const { id, sensor, instrument, type, time, record } = event;
  const text = describeEvent({ id, instrument, type, time, record });
  return `${time.slice(0, 10)} ${plain(names.get(sensor) ?? sensor)}  ${plain(text, 400)}`;
}

/** Asked afresh each time; the compiler would take a property for unchanged across an await. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
