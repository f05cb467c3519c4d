import type { Duplex } from 'node:stream';
import { NameSchema } from '@bulkhead/fleet-api';
import type { Person } from '../web/index.ts';
import { checkPage, nameOf } from './grants.ts';
import { asRefusal } from './failure.ts';
import { openPool, openSocket } from './pools.ts';
import { refusal } from './refusal.ts';
import type { Sensors, Ways } from './types.ts';

/** A question to the HTTP API of an instrument, in the name of who asks the fleet. */
export interface InstrumentCall {
  /** Id of the sensor. */
  sensor: string;
  instrument: string;
  /** Who asks, as `request.person`: the fleet judges by `instruments.open`, the instrument by name and roles. */
  person: Person;
  method: 'GET' | 'POST';
  /** As the fleet's own code writes it: `/api/rule.get`. */
  path: string;
  /** Sent as JSON. */
  body?: unknown;
  /** Default: 30 s. */
  timeoutMs?: number;
  /** The largest answer that is read; default 8 MiB. */
  mostBytes?: number;
  /** Ends the question. */
  signal?: AbortSignal;
}

/** What the instrument said, whatever status it said it with. */
export interface InstrumentAnswer {
  status: number;
  body: Buffer;
  /** The body as JSON; undefined when it is none. */
  json: unknown;
}

/**
 * Asks an instrument something. The route that calls this writes the audit log, like every route.
 * @throws BulkheadError FLEET_PROXY_DENIED, _SENSOR_UNKNOWN, _SENSOR_OFFLINE, _NOT_RUNNING, _PAGE_NOT_GRANTED, _UNREACHABLE, _TIMEOUT,
 * _TOO_LARGE, _BUSY, and what the link says of a tunnel
 */
export type CallInstrument = (call: InstrumentCall) => Promise<InstrumentAnswer>;

/** Of what is asked at once, by all people. Each may hold as much as an answer's bound. */
const AT_ONCE_MOST = 16;
/** And of one sensor: what does not answer there leaves room for the others. */
const AT_ONCE_OF_ONE = 4;
/** Beyond the bound of rule-manager, the largest there is. */
const REQUEST_BYTES_MOST = 8 * 2 ** 20;
const ANSWER_BYTES_MOST = 8 * 2 ** 20;
const TIMEOUT_MS = 30_000;
/** One spelling: no escapes, no dot segments, nothing after the path. */
const PATH = /^(?:\/[a-z0-9_-][a-z0-9._-]{0,63}){1,8}$/i;

/**
 * The way to instruments' HTTP APIs for routes of the fleet: the same ways, judgement and headers as for their pages, without a browser.
 *
 * INVARIANTS: each question has a connection of its own, because the sensor judged by that person when it let the connection in; it
 * is closed with the answer.
 */
export function openInstrumentApi({ sensors, ways }: { sensors: Sensors; ways: Ways }): CallInstrument {
  const underWay = new Map<string, number>();
  return async (call) => {
    const place = judged(call, sensors);
    const { sensor } = call;
    const own = underWay.get(sensor) ?? 0;
    const all = [...underWay.values()].reduce((sum, one) => sum + one, 0);
    if (own >= AT_ONCE_OF_ONE || all >= AT_ONCE_MOST) {
      throw refusal(
        'FLEET_PROXY_BUSY',
        `${String(all)} questions to instruments are under way, ${String(own)} of them to ${place.sensorName}.`,
      );
    }
    underWay.set(sensor, own + 1);
    try {
      return await ask(call, ways);
    } catch (error) {
      if (call.signal?.aborted === true) throw error;
      if (error instanceof Error && error.name === 'TimeoutError') {
        throw refusal('FLEET_PROXY_TIMEOUT', `${nameOf(place)} did not answer in time.`, error);
      }
      throw asRefusal(error instanceof Error ? error : new Error(String(error)));
    } finally {
      const left = (underWay.get(sensor) ?? 1) - 1;
      if (left > 0) underWay.set(sensor, left);
      else underWay.delete(sensor);
    }
  };
}

/** Whether there is such a sensor or instrument is told only to who may open it. */
function judged({ sensor, instrument, person, path }: InstrumentCall, sensors: Sensors) {
  if (!person.may('instruments.open', sensor, instrument)) {
    throw refusal('FLEET_PROXY_DENIED', `You may not open ${instrument} there.`);
  }
  const found = sensors.byId(sensor);
  if (found === undefined)
    throw refusal('FLEET_PROXY_SENSOR_UNKNOWN', `There is no sensor ${sensor} in this fleet.`);
  if (!PATH.test(path)) throw refusal('FLEET_PROXY_PATH_REFUSED', 'The path is not in its plain form.');
  // It may be a sensor's word, and becomes a part of paths.
  if (!NameSchema.safeParse(instrument).success) {
    throw refusal('FLEET_PROXY_SENSOR_UNKNOWN', `No instrument on ${found.name} can have that name.`);
  }
  const place = { sensor, sensorName: found.name, instrument };
  checkPage(sensors, place);
  return place;
}

async function ask(call: InstrumentCall, ways: Ways): Promise<InstrumentAnswer> {
  const { sensor, instrument, person, method, path } = call;
  // As on the instrument's page. Of whom nothing is known of roles, none are told.
  const roles = person.rolesFor?.(sensor, instrument) ?? [];
  const body = call.body === undefined ? undefined : Buffer.from(JSON.stringify(call.body));
  if (body !== undefined && body.length > REQUEST_BYTES_MOST) throw tooLarge('question', REQUEST_BYTES_MOST);
  const open = (): Promise<Duplex> => {
    const socket = ways.socketOf(sensor, instrument);
    if (socket !== undefined) return openSocket(socket);
    return ways.openTunnel(sensor, { instrumentUi: instrument }, { user: person.name, roles });
  };
  const pool = openPool(open, 1);
  const timeout = AbortSignal.timeout(call.timeoutMs ?? TIMEOUT_MS);
  try {
    const answer = await pool.request({
      method,
      path,
      headers: {
        host: 'instrument.invalid',
        'x-bulkhead-user': person.name,
        'x-bulkhead-roles': roles.join(','),
        accept: 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      body: body ?? null,
      signal: call.signal === undefined ? timeout : AbortSignal.any([timeout, call.signal]),
    });
    const most = call.mostBytes ?? ANSWER_BYTES_MOST;
    const parts: Buffer[] = [];
    let bytes = 0;
    for await (const part of answer.body as AsyncIterable<Buffer>) {
      bytes += part.length;
      if (bytes > most) throw tooLarge('answer', most);
      parts.push(part);
    }
    const whole = Buffer.concat(parts);
    return { status: answer.statusCode, body: whole, json: parsed(whole) };
  } finally {
    await pool.destroy().catch(() => undefined);
  }
}

function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8')) as unknown;
  } catch {
    return undefined;
  }
}

function tooLarge(what: string, most: number) {
  return refusal('FLEET_PROXY_TOO_LARGE', `The ${what} is larger than ${Math.floor(most / 2 ** 20)} MiB.`);
}
