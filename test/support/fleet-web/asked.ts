import type { SeenDataReport, SeenGrants, SeenLedger, SeenMatrix, SeenRevisions } from '@bulkhead/fleet-api';
import { ago } from './sensors.ts';

const BEGUN = Date.now();

/** One frame that came before the packet program stood, on the second monitor interface. */
const ONCE = [{}, { lost: { 'not seen by the fan-out': 1 }, age: { lostAgoS: 3_500, lostStarting: 1 } }];

/** The ledger; its counters grow, so that there are rates. */
export function ledger(losing: boolean): SeenLedger {
  const seconds = (Date.now() - BEGUN) / 1000 + 3_600;
  const count = (perS: number) => Math.round(seconds * perS);
  const line = (
    stage: string,
    name: string,
    monitor: string | undefined,
    perS: number,
    more: {
      held?: Record<string, number>;
      lost?: Record<string, number>;
      age?: { lostAgoS: number; lostStarting?: number };
      unit?: string;
    } = {},
  ) => {
    const lost = Object.values(more.lost ?? {}).reduce((sum, one) => sum + one, 0);
    const held = Object.values(more.held ?? {}).reduce((sum, one) => sum + one, 0);
    return {
      stage,
      name,
      ...(monitor === undefined ? {} : { monitor }),
      unit: more.unit ?? 'packets',
      in: count(perS),
      out: count(perS) - lost - held,
      held: more.held ?? {},
      lost: more.lost ?? {},
      ...more.age,
      unaccounted: 0,
    };
  };
  const lost: Record<string, number> = losing ? { 'queue full': count(61) } : {};
  return {
    from: ago(320_000),
    to: new Date().toISOString(),
    shortened: false,
    lines: [
      ...['span-a', 'span-b'].flatMap((monitor, index) =>
        ['nic', 'guard', 'capture-link', 'capture-engine', 'fan-out'].map((stage) =>
          line(stage, monitor, monitor, index === 0 ? 4_210 : 118, stage === 'fan-out' ? ONCE[index] : {}),
        ),
      ),
      line('mirror-port', 'suricata/mon0', 'span-a', 4_210, {
        lost,
        ...(losing ? { age: { lostAgoS: 1 } } : {}),
      }),
      line('mirror-port', 'suricata/mon1', 'span-b', 118, {
        lost: { 'queue full': 4 },
        age: { lostAgoS: 11_000 },
      }),
      line('mirror-port', 'passive-dns/mon0', 'span-a', 4_210, { held: { filtered: count(3_900) } }),
      line('publish', 'suricata', undefined, 21, { unit: 'events' }),
      line('publish', 'passive-dns', undefined, 3, { unit: 'events' }),
      line('stream', 'suricata', undefined, 21, { unit: 'messages' }),
      line('store', 'platform', undefined, 24, { unit: 'events' }),
    ],
    alarms: [],
  };
}

const since = { revision: 3, author: 'anna', time: ago(400_000), reason: 'at set-up' };
export const GRANTS: SeenGrants = {
  revision: 9,
  instruments: [
    {
      instrument: 'rule-manager',
      package: 'rule-manager',
      rights: [
        {
          right: 'read:suricata/alert',
          words: 'rule-manager may read the alert events of suricata',
          state: 'granted',
          since,
        },
        {
          right: 'send:suricata/ruleset.apply',
          words: 'rule-manager may send `ruleset.apply` to suricata',
          state: 'granted',
          since,
        },
        { right: 'deliver:suricata', words: 'rule-manager asks to hand files to suricata', state: 'asked' },
        { right: 'ui', words: 'rule-manager may show the page “Rules” to people', state: 'granted', since },
        {
          right: 'send:zeek/ruleset.apply',
          words: 'rule-manager was allowed, without effect, to send `ruleset.apply` to zeek',
          state: 'ineffective',
          since,
          note: 'There is no instrument zeek.',
        },
      ],
      unanswered: [],
      accepts: [],
      effect: { state: 'now' },
    },
    {
      instrument: 'suricata',
      package: 'suricata',
      rights: [
        {
          right: 'capability:net_raw',
          words: 'suricata may open raw sockets inside its own container',
          state: 'granted',
          since,
        },
        { right: 'publish:alert', words: 'suricata may publish alert events', state: 'granted', since },
      ],
      unanswered: [],
      accepts: ['ruleset.apply', 'ruleset.test'],
      effect: { state: 'now' },
    },
  ],
};

export const MATRIX: SeenMatrix = {
  revision: 9,
  instruments: ['capture-engine', 'suricata', 'passive-dns', 'rule-manager', 'downloader', 'host-agent'],
  edges: [
    { from: 'suricata', to: 'rule-manager', kind: 'events', what: 'alert events' },
    { from: 'suricata', to: 'passive-dns', kind: 'events', what: 'dns events' },
    { from: 'rule-manager', to: 'suricata', kind: 'message', what: 'ruleset.apply' },
    {
      from: 'downloader',
      to: 'rules.example.org:443',
      kind: 'fetch',
      what: 'approved downloads',
      idle: 'the downloader is held',
    },
    { from: 'people', to: 'rule-manager', kind: 'page', what: 'Rules' },
  ],
};

export const OWN_REVISIONS: SeenRevisions = {
  current: 9,
  revisions: [
    {
      number: 8,
      author: 'anna',
      reason: 'one more span',
      time: ago(90_000),
      origin: 'apply',
      result: { state: 'applied', time: ago(89_990) },
    },
    {
      number: 9,
      author: 'anna',
      reason: 'more memory',
      time: ago(8_000),
      origin: 'apply',
      result: { state: 'applied', time: ago(7_990) },
    },
  ],
};

export const LOG: string[] = Array.from(
  { length: 60 },
  (_, index) =>
    `${ago(600 - index * 10)} info: read ${String(41_000 + index)} rules in ${String(3 + (index % 4))} s`,
);

export const DATA: SeenDataReport = {
  time: ago(1),
  holds: 1,
  attention: ['volume/downloader holds records that are 12 days older than its policy says'],
  unanswered: [],
  copies: [
    {
      copy: 'event-store',
      kind: 'event-store',
      what: 'Events of all instruments',
      where: 'encrypted volume of the platform',
      holder: 'platform',
      limitBytes: 4 * 2 ** 30,
      measured: { records: 1_203_112, bytes: 1_900_000_000, oldest: ago(2_500_000) },
      policy: { days: 30, text: '30 days; alerts 365 days' },
      readers: ['root of the sensor', 'operators of the fleet'],
      goesTo: ['the fleet'],
    },
    {
      copy: 'volume/downloader',
      kind: 'volume',
      what: 'Downloads before they are handed over',
      where: 'encrypted volume of the instrument',
      holder: 'downloader',
      limitBytes: 512 * 2 ** 20,
      declared: { bytes: 88_000_000, oldest: ago(1_600_000) },
      policy: { days: 7, text: '7 days' },
      readers: ['root of the sensor'],
      goesTo: [],
      faults: ['older than its policy says'],
    },
  ],
};
