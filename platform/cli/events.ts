import type { StoredEvent } from '../contracts/index.ts';
import { describeAlert } from '../events/index.ts';
import type { SensorClient } from './client.ts';
import { EXIT } from './exit-codes.ts';

interface TailOptions {
  type?: string;
  instrument?: string;
  last: string;
  since?: string;
  follow: boolean;
}

/** `bulkhead events tail`: stored events first, then new ones until Ctrl-C. */
export async function tailEvents(
  client: SensorClient,
  options: { json?: boolean },
  own: TailOptions,
): Promise<number> {
  const query: Record<string, string> = {
    follow: own.follow ? '1' : '0',
    ...(own.since === undefined ? { last: own.last } : { since: own.since }),
    ...(own.type === undefined ? {} : { type: own.type }),
    ...(own.instrument === undefined ? {} : { instrument: own.instrument }),
  };
  const aborter = new AbortController();
  const stop = () => {
    aborter.abort();
  };
  process.once('SIGINT', stop);
  try {
    for await (const event of client.events(query, aborter.signal)) {
      process.stdout.write(`${options.json === true ? JSON.stringify(event) : eventText(event)}\n`);
    }
  } catch (error) {
    if (!aborter.signal.aborted) throw error;
  } finally {
    process.off('SIGINT', stop);
  }
  return EXIT.ok;
}

/** One event on one line, for people. */
export function eventText(event: StoredEvent): string {
  if (event.type === 'alert') return describeAlert(event);
  const text = JSON.stringify(event.record);
  return `${event.time}  ${event.instrument}  ${event.type}  ${text.length > 160 ? `${text.slice(0, 157)}...` : text}`;
}
