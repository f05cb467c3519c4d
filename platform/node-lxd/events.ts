import type { RawData } from 'ws';
import { LxdError, messageOf, unreachable } from './errors.ts';
import type { Transport } from './transport.ts';
import type { Operation } from './types.ts';

/** Kinds of event the daemon sends. */
export type EventType = 'lifecycle' | 'operation' | 'logging';

interface EventBase {
  /** RFC 3339 with nanoseconds, the daemon's clock. */
  timestamp: string;
  /** Empty for events of the daemon itself. */
  project: string;
}

/** `api.Event` with the metadata of its type (`api.EventLifecycle`, `api.Operation`, `api.EventLogging`). */
export type LxdEvent =
  | (EventBase & {
      type: 'lifecycle';
      metadata: {
        /** e.g. `instance-started`, `instance-stopped`, `instance-shutdown`, `instance-updated`. */
        action: string;
        /** e.g. `/1.0/instances/suricata?project=bulkhead`. */
        source: string;
        context: Readonly<Record<string, unknown>>;
      };
    })
  | (EventBase & { type: 'operation'; metadata: Operation })
  | (EventBase & {
      type: 'logging';
      metadata: { level: string; message: string; context: Readonly<Record<string, unknown>> };
    });

/** What to listen to. */
export interface EventsOptions {
  types?: readonly EventType[];
  /** Default: the client's project. */
  allProjects?: boolean;
  onEvent: (event: LxdEvent) => void;
  /** Ends the stream; `closed` then resolves. */
  signal?: AbortSignal | undefined;
}

/** An open stream. */
export interface EventStream {
  /** Resolves after `signal` ended the stream; rejects with LXD_STREAM_LOST when the daemon did. Reconnecting is yours. */
  readonly closed: Promise<void>;
  close: () => void;
}

const PING_EVERY_MS = 15_000;

/**
 * Listens to the daemon. Resolves when the stream is open, so nothing that happens afterwards is missed.
 * A stream whose daemon does not answer a ping for 15 s counts as lost.
 * @throws LxdError LXD_UNREACHABLE
 */
export async function openEvents(
  transport: Transport,
  project: string | undefined,
  options: EventsOptions,
): Promise<EventStream> {
  if (options.signal?.aborted === true) {
    throw new LxdError({ code: 'LXD_ABORTED', message: 'Listening to LXD events was aborted.' });
  }
  const socket = transport.webSocket('/1.0/events', {
    type: (options.types ?? ['lifecycle']).join(','),
    ...(options.allProjects === true ? { 'all-projects': true } : { project }),
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', (error) => {
      reject(unreachable(transport.socket, error));
    });
  });
  let asked = false;
  let alive = true;
  const pinger = setInterval(() => {
    if (!alive) {
      socket.terminate();
      return;
    }
    alive = false;
    socket.ping();
  }, PING_EVERY_MS);
  pinger.unref();
  const end = (): void => {
    asked = true;
    socket.terminate();
  };
  socket.on('pong', () => {
    alive = true;
  });
  socket.on('message', (data) => {
    alive = true;
    const event = parseEvent(textOf(data));
    if (event !== undefined) options.onEvent(event);
  });
  const closed = new Promise<void>((resolve, reject) => {
    let reason = 'the daemon closed it';
    socket.on('error', (error) => {
      reason = messageOf(error);
    });
    socket.on('close', () => {
      clearInterval(pinger);
      options.signal?.removeEventListener('abort', end);
      if (asked) resolve();
      else
        reject(new LxdError({ code: 'LXD_STREAM_LOST', message: `The LXD event stream ended: ${reason}.` }));
    });
  });
  closed.catch(() => undefined); // who does not ask is not told; an unhandled rejection would end the process
  options.signal?.addEventListener('abort', end, { once: true });
  return { closed, close: end };
}

/** One event from the daemon's text; undefined for what is no event of a kind that we know. */
export function parseEvent(text: string): LxdEvent | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { type, timestamp, project, metadata } = value as Record<string, unknown>;
  if (type !== 'lifecycle' && type !== 'operation' && type !== 'logging') return undefined;
  if (typeof metadata !== 'object' || metadata === null) return undefined;
  const needed = { lifecycle: 'action', operation: 'id', logging: 'message' }[type];
  if (typeof (metadata as Record<string, unknown>)[needed] !== 'string') return undefined;
  return {
    type,
    timestamp: typeof timestamp === 'string' ? timestamp : '',
    project: typeof project === 'string' ? project : '',
    metadata: { context: {}, source: '', ...metadata },
  } as unknown as LxdEvent;
}

/** The text of a WebSocket message. */
export function textOf(data: RawData): string {
  return bytesOf(data).toString('utf8');
}

/** The bytes of a WebSocket message, whichever form `ws` gives it. */
export function bytesOf(data: RawData): Buffer {
  if (Buffer.isBuffer(data)) return data;
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
}
