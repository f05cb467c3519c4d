import type { FleetEvent } from '@bulkhead/fleet-api';
import { alertFields } from './alert-fields.ts';
import { eventPath } from './event-words.ts';

/** One station on the way of an alert. */
export interface GuideStep {
  title: string;
  text: string;
  /** What this very event says about it. */
  values: [name: string, value: string][];
}

/** Networks that nobody has (RFC 5737, 2544, 3849): they are for examples and tests. */
const EXAMPLES = [/^192\.0\.2\./, /^198\.51\.100\./, /^203\.0\.113\./, /^198\.1[89]\./, /^2001:0?db8:/i];

/** Whether an event is about addresses that only examples and the lab have. Pure. */
export function isMadeUp(event: Pick<FleetEvent, 'record'>): boolean {
  const { source, destination } = alertFields(event);
  const ends = [source, destination].filter((one) => one !== undefined);
  return ends.length > 0 && ends.every((end) => EXAMPLES.some((network) => network.test(end)));
}

/** The way of one alert from the wire to the person who reads it, with its own values. Pure. */
export function guideSteps(event: FleetEvent, sensor: string): GuideStep[] {
  const found = alertFields(event);
  const rule = found.signature === undefined ? 'a rule' : `rule ${found.signature}`;
  return [
    {
      title: 'A packet on the wire',
      text: 'One machine sent something to another. A switch on the way copies what passes it to the sensor: its mirror port. The two machines notice nothing of this.',
      values: some(
        ['from → to', eventPath(event.record)],
        ['protocol', found.protocol],
        ['seen', found.seen],
      ),
    },
    {
      title: `The monitor interface of ${sensor}`,
      text: 'The copy arrives at a network card that only listens. The kernel drops every frame that would leave it, so the sensor cannot be seen from there and cannot do anything to the network.',
      values: [],
    },
    {
      title: 'The capture engine',
      text: 'It takes the packets in, in a container of its own, and hands them on inside the machine. Here each packet is counted, so that a loss shows.',
      values: [],
    },
    {
      title: 'A mirror port of the instrument',
      text: `The kernel makes a copy for each instrument that is allowed to look. ${event.instrument} got its own, and it cannot reach the others.`,
      values: some(['interface', found.interface]),
    },
    {
      title: `${event.instrument} compares it with its rules`,
      text: `It knows thousands of descriptions of what is suspicious, and ${rule} fitted. That is a reason to look, and no proof that something happened: rules are wrong now and then. Nothing was stopped, because a sensor only looks.`,
      values: some(
        ['rule says', found.text],
        ['kind', found.category],
        ['severity', event.severity],
        ['revision of the rule', found.revision === undefined ? undefined : String(found.revision)],
      ),
    },
    {
      title: 'The bus and the store of the sensor',
      text: `${event.instrument} put this record on the sensor's bus as an event of the type ${event.type}. The sensor keeps it, encrypted, and hands it to the instruments that were granted to read it.`,
      values: some(['its number there', event.sensorEventId]),
    },
    {
      title: 'The fleet',
      text: `${sensor} dialled the fleet and brought the event over that encrypted link. Without a link it would have waited on the sensor. The fleet stored it once and made it searchable.`,
      values: some(['its number here', event.id], ['time', event.time]),
    },
    {
      title: 'You',
      text: 'Look at the names of both addresses, at what else belongs to its flow, and how often it happened before. Then take it on, write down what you found, and mark it as handled. When it is known and harmless, suppress it for a while: it is kept all the same.',
      values: [],
    },
  ];
}

function some(...values: [string, string | undefined][]): [string, string][] {
  return values.filter((one): one is [string, string] => one[1] !== undefined);
}
