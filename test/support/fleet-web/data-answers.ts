import {
  AssetPageSchema,
  AssetSchema,
  DataStoresSchema,
  ImportTargetsSchema,
  RulesCheckReplySchema,
  RulesDeployReplySchema,
  RulesJobsSchema,
  RulesPlanReplySchema,
  type Asset,
  type DataReportState,
  type DataStore,
  type RulesJob,
} from '@bulkhead/fleet-api';
import { ok, type Answer, type Asked } from './answer.ts';
import { ago, LAB, SENSORS } from './sensors.ts';

const GATE = SENSORS[3]?.id ?? LAB;
const KEY = '3f1c 88d0 52aa 914e 07bd c2f6 6a10 e95b';
const DAY_S = 86_400;

const OWN: DataStore[] = [
  {
    ...{ copy: 'fleet/events', kind: 'event-store', holder: 'fleet' },
    what: 'Events of all sensors, their index, counts and marks; and the assets derived from them',
    ...{ records: 4_812_233, bytes: 6_100_000_000, limitBytes: 21_474_836_480 },
    ...{ oldest: ago(61 * DAY_S), basis: 'measured' },
    policy: '90 days; when the room is full, the oldest go first',
    readers: ['people and tokens with the right events.read, of the sensors they may see'],
    goesTo: ['channels of notifications, as far as their settings say'],
    faults: [],
  },
  {
    ...{ copy: 'fleet/audit', kind: 'journal', holder: 'fleet', records: 18_204 },
    what: 'Audit log: who saw and did what, with names and addresses of people',
    ...{ oldest: ago(200 * DAY_S), basis: 'measured' },
    policy: 'kept for good: lines are only added',
    readers: ['people and tokens with the right audit.read'],
    ...{ goesTo: ['backups that somebody makes with `fleetd backup`'], faults: [] },
  },
];

const OF_SENSORS: DataStore[] = [
  {
    ...{ sensor: LAB, sensorName: 'lab', copy: 'stream/suricata', kind: 'stream', holder: 'platform' },
    what: 'What suricata published and its readers have not all read',
    ...{ records: 1_204, bytes: 2_400_000, limitBytes: 1_073_741_824 },
    ...{ oldest: ago(7_000), basis: 'measured' },
    policy: 'the oldest go when it is full',
    ...{ readers: ['root of the sensor', 'passive-dns'], goesTo: ['the fleet'], faults: [] },
  },
  {
    ...{
      sensor: GATE,
      sensorName: 'gate',
      copy: 'instrument/passive-dns/observations',
      holder: 'passive-dns',
    },
    ...{
      kind: 'instrument-store',
      what: 'Names and the addresses that they answered with',
      bytes: 412_000_000,
    },
    ...{ oldest: ago(400 * DAY_S), basis: 'declared' },
    policy: '365 days',
    ...{ readers: ['root of the sensor'], goesTo: [], faults: ['older than its policy by 35 days'] },
  },
];

function reportOf({ id, name }: { id: string; name: string }): DataReportState {
  const isGate = id === GATE;
  return {
    ...{ sensor: id, name, online: !isGate, heardAt: ago(isGate ? 9_400 : 300), copies: 14, isAsked: false },
    attention: isGate ? ['instrument/passive-dns/observations is older than its policy by 35 days'] : [],
    key: KEY,
    ...(isGate ? { keyChangedAt: ago(40 * DAY_S) } : {}),
  };
}

const ASSETS: Asset[] = [
  {
    ...{ sensor: LAB, address: '10.20.0.14', isPrivate: true, first: ago(40 * DAY_S), last: ago(40) },
    ...{ events: 20_412, alerts: 31, highAlerts: 2, lastAlert: ago(900), mac: '02:00:5e:00:53:0e' },
    names: [
      { name: 'infusion-pump-7', from: 'dhcp', last: ago(3_000) },
      { name: 'pump7.ward.example.org', from: 'dns', last: ago(8_000) },
    ],
    services: [
      { port: 443, protocol: 'tcp', application: 'tls', last: ago(60) },
      { port: 161, protocol: 'udp', application: 'snmp', last: ago(600) },
    ],
    label: { name: 'Infusion pump 7', note: 'Ward 4, bed 12', critical: true, by: 'ben', at: ago(DAY_S) },
  },
  {
    ...{ sensor: LAB, address: '203.0.113.9', isPrivate: false, first: ago(90_000), last: ago(7_000) },
    ...{ events: 12, alerts: 12, highAlerts: 0, lastAlert: ago(7_000), names: [], services: [] },
  },
];

const JOB: RulesJob = {
  id: 'j_1',
  state: 'done',
  targets: [{ name: 'suricata', stage: 'live', faults: [] }],
};

/** Answers about data, assets and imports. */
export function ofData({ method, path, query, body }: Asked, isEmpty: boolean): Answer | undefined {
  switch (`${method} ${path}`) {
    case 'GET /data': {
      const at = query.get('at');
      const all = isEmpty ? OWN : [...OWN, ...OF_SENSORS];
      const stores = all.filter(({ sensor }) => at === null || at === (sensor ?? 'fleet'));
      const sensors = isEmpty ? [] : SENSORS.slice(0, 4).map(reportOf);
      return ok(DataStoresSchema.parse({ stores, total: stores.length, sensors, key: KEY }));
    }
    case 'GET /assets': {
      const assets = isEmpty ? [] : ASSETS;
      const total = assets.length;
      return ok(
        AssetPageSchema.parse({ assets, total, known: total, most: 200_000, evicted: 0, complete: true }),
      );
    }
    case 'GET /imports/targets': {
      const targets = [
        { sensor: LAB, sensorName: 'lab', instrument: 'rule-manager', state: 'ready' },
        { sensor: GATE, sensorName: 'gate', instrument: 'rule-manager', state: 'offline' },
      ];
      return ok(ImportTargetsSchema.parse({ targets: isEmpty ? [] : targets }));
    }
  }
  if (method === 'PUT' && /^\/assets\/[^/]+\/[^/]+\/label$/.test(path))
    return ok(AssetSchema.parse(ASSETS[0]));
  const step = /^\/imports\/[^/]+\/[^/]+\/rules\/(\w+)$/.exec(path)?.[1];
  switch (step) {
    case 'check':
      return ok(RulesCheckReplySchema.parse(checked((body as { text: string }).text)));
    case 'plan':
      return ok(
        RulesPlanReplySchema.parse({
          ...{
            outcome: 'planned',
            version: 'a1b2c3d4e5f60718',
            rules: 48_310,
            added: 2,
            removed: 0,
            changed: 1,
          },
          ...{ notes: [], deploysAt: ago(-30) },
        }),
      );
    case 'deploy':
      return ok(RulesDeployReplySchema.parse({ outcome: 'begun', job: JOB }));
    case 'job':
      return ok(RulesJobsSchema.parse({ job: JOB }));
    case 'discard':
      return ok({ done: true });
    default:
      return undefined;
  }
}

function checked(text: string): unknown {
  if (text.includes('alert')) return { outcome: 'taken', rules: 3, enabled: 3, skipped: 0, faults: [] };
  const fault = { file: 'pasted.rules', line: 1, code: 'RULES_SYNTAX', message: 'This is no rule.' };
  return { outcome: 'refused', code: 'RULES_REFUSED', message: '1 rule is faulty.', faults: [fault] };
}
