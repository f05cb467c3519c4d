import type { Group, LinkView, Sensor, SensorDetail, SensorStatusView } from '@bulkhead/fleet-api';

const NOW = Date.now();
/** So many seconds ago, as ISO 8601. */
export const ago = (seconds: number): string => new Date(NOW - seconds * 1000).toISOString();

export const GROUPS: Group[] = [
  {
    id: 'g_hospitalhospital',
    name: 'hospital',
    description: 'Wards and the gate of the hospital',
    sensors: 3,
    revision: 4,
  },
  { id: 'g_plantplantplantp', name: 'plant', description: 'Machines of the plant', sensors: 2, revision: 1 },
];
const HOSPITAL = { id: 'g_hospitalhospital', name: 'hospital' };
const PLANT = { id: 'g_plantplantplantp', name: 'plant' };

const id = (name: string) =>
  `s_${name
    .replaceAll(/[^a-z2-7]/g, '')
    .padEnd(16, 'abcdefghijklmnop')
    .slice(0, 16)}`;

function sensor(name: string, change: Partial<Sensor>): Sensor {
  return {
    id: id(name),
    name,
    state: 'active',
    group: null,
    tags: [],
    notes: '',
    version: '0.1.0',
    adoptedAt: ago(900_000),
    attached: true,
    lastSeen: ago(0),
    address: '192.0.2.17',
    certificate: { serial: '0a1b2c', notAfter: ago(-1_500_000), expired: false },
    config: { state: 'applied', revision: 4, applied: 4, overrides: 0 },
    returns: [],
    ...change,
  };
}

export const LAB = id('lab');
/** One of each kind that the table must show. */
export const SENSORS: Sensor[] = [
  sensor('lab', { tags: ['test'], config: { state: 'applied', revision: 7, applied: 7, overrides: 2 } }),
  sensor('ward-three', { group: HOSPITAL, tags: ['east'] }),
  sensor('ward-four', {
    group: HOSPITAL,
    tags: ['east', 'span-a'],
    config: {
      state: 'failed',
      revision: 4,
      applied: 3,
      overrides: 0,
      detail: 'The device eth7 is not there.',
    },
  }),
  sensor('gate', {
    group: HOSPITAL,
    attached: false,
    lastSeen: ago(9_400),
    config: { state: 'waiting', revision: 4, applied: 3, overrides: 1 },
  }),
  sensor('press-two', { group: PLANT, state: 'mapping', config: { state: 'none', overrides: 0 } }),
  sensor('boiler', {
    group: PLANT,
    attached: false,
    lastSeen: ago(3_800_000),
    certificate: { serial: '0a1b2d', notAfter: ago(1_200_000), expired: true },
    returns: [
      {
        id: 1,
        at: ago(300),
        lastAskedAt: ago(20),
        address: '198.51.100.7',
        hostname: 'boiler',
        why: 'expired',
        state: 'waiting',
      },
    ],
  }),
  sensor('annex', { state: 'revoked', attached: false, lastSeen: ago(5_000_000), certificate: null }),
];

export function detailOf(one: Sensor): SensorDetail {
  return {
    ...one,
    hardware: {
      hostname: one.name,
      cpus: 8,
      memoryMib: 32_768,
      kernel: '6.12.0',
      nics: [
        {
          device: 'eno1',
          mac: '02:00:00:00:00:01',
          driver: 'igc',
          link: true,
          monitorCapable: false,
          why: 'carries an address',
        },
        { device: 'enp3s0', mac: '02:00:00:00:00:02', driver: 'ixgbe', link: true, monitorCapable: true },
        { device: 'enp4s0', mac: '02:00:00:00:00:03', driver: 'ixgbe', link: false, monitorCapable: true },
      ],
    },
    certificates: [{ serial: '0a1b2c', issuedAt: ago(900_000), notAfter: ago(-1_500_000), why: 'adopted' }],
  };
}

export function linkOf(one: Sensor): LinkView {
  return {
    sensor: one.id,
    attached: one.attached,
    since: one.attached ? ago(86_000) : (one.lastSeen ?? ago(1)),
    ...(one.lastSeen === undefined ? {} : { lastSeen: one.lastSeen }),
    address: one.address,
    version: one.version,
    clockDifferenceMs: one.name === 'ward-four' ? 8_200 : 12,
    clockWrong: one.name === 'ward-four',
    tunnels: 1,
    ...(one.attached
      ? {}
      : { ended: { code: 'FLEET_LINK_SILENT', message: 'Nothing was heard of it for 3 seconds.' } }),
  };
}

/** What a sensor says of itself; its counters grow while the fixture runs. */
export function statusOf(one: Sensor): SensorStatusView {
  const seconds = (Date.now() - NOW) / 1000 + 3_600;
  const losing = one.name === 'ward-four';
  const received = Math.round(seconds * 4_210);
  const lost = losing ? Math.round(seconds * 61) : 0;
  return {
    sensor: one.name,
    version: '0.1.0',
    versions: {
      node: '20.19.2',
      lxd: '5.0.2',
      kernel: '6.12.0',
      suricata: '7.0.10',
      'nats-server': '2.12.1',
    },
    startedAt: ago(320_000),
    healthy: !losing,
    attention: losing
      ? [
          `${String(lost)} packets of span-a were lost`,
          'the feed of span-b has no conversations in one direction',
        ]
      : [],
    config: {
      loadedAt: ago(8_000),
      digest: 'a',
      revision: { number: 9, author: 'anna', reason: 'more memory', time: ago(8_000) },
    },
    bus: { up: true, version: '2.12.1', encrypted: true, restarts: 0 },
    monitors: [
      {
        name: 'span-a',
        device: 'enp3s0',
        state: 'watching',
        check: { state: 'ok', lastOk: ago(20), latencyMs: 412 },
        packets: {
          received,
          forwarded: received,
          captured: received - lost,
          cloned: received * 2,
          filtered: Math.round(received * 0.93),
          lost,
          lostWhere: lost > 0 ? [{ stage: 'mirror-port', packets: lost }] : [],
          ...(lost > 0 ? { lostAgoS: 1 } : {}),
          lostStarting: 3,
          transmitAttempts: 0,
          framesSent: 0,
        },
        feed: {
          state: 'ok',
          alarms: [],
          packetsPerSecond: 4_210,
          usualPacketsPerSecond: 4_100,
          vlans: [10, 20, 31],
        },
      },
      {
        name: 'span-b',
        device: 'enp4s0',
        state: 'watching',
        check: losing
          ? { state: 'missed', text: 'no alert within 20 s' }
          : { state: 'ok', lastOk: ago(31), latencyMs: 398 },
        packets: {
          received: 91_000,
          forwarded: 91_000,
          captured: 91_000,
          cloned: 91_000,
          filtered: 0,
          lost: 0,
          lostWhere: [],
          lostStarting: 1,
          transmitAttempts: 4,
          framesSent: 0,
        },
        feed: losing
          ? {
              state: 'alarm',
              alarms: [
                {
                  kind: 'one-sided',
                  since: ago(700),
                  observed: '97 %',
                  expected: 'below 50 %',
                  text: '97 % of the conversations of span-b are seen in one direction only: see whether the mirror port copies both.',
                },
              ],
              packetsPerSecond: 120,
            }
          : { state: 'learning', alarms: [], packetsPerSecond: 118 },
      },
    ],
    instruments: [
      {
        name: 'capture-engine',
        package: 'capture-engine',
        version: '0.1.0',
        state: 'running',
        health: 'ok',
        failures: 0,
        counters: { 'packets.forwarded': received },
      },
      {
        name: 'suricata',
        package: 'suricata',
        version: '0.1.0',
        state: 'running',
        health: losing ? 'degraded' : 'ok',
        ...(losing ? { detail: 'drops packets: the kernel’s buffer is full' } : {}),
        failures: 0,
        rulesSince: ago(losing ? 1_900_000 : 90_000),
        use: {
          memoryBytes: 1_610_612_736,
          memoryLimitBytes: 3_221_225_472,
          cpuCores: 0.8,
          cpuLimitCores: 2,
          processes: 14,
          processesLimit: 128,
        },
        counters: {
          'alerts.published': 318,
          'capture.kernel_packets': received,
          'capture.kernel_drops': lost,
          'rules.loaded': 41_233,
        },
      },
      {
        name: 'passive-dns',
        package: 'passive-dns',
        version: '0.1.0',
        state: 'running',
        health: 'ok',
        failures: 0,
        page: { title: 'Passive DNS', state: 'opening' },
        counters: { 'names.kept': 18_211 },
      },
      {
        name: 'rule-manager',
        package: 'rule-manager',
        version: '0.1.0',
        state: 'running',
        health: 'ok',
        failures: 0,
        page: { title: 'Rules', state: 'served' },
        counters: {},
      },
      {
        name: 'downloader',
        package: 'downloader',
        version: '0.1.0',
        state: 'held',
        health: 'unknown',
        detail: 'failed 5 times within a minute',
        failures: 5,
        counters: {},
      },
      {
        name: 'honeypot',
        package: 'honeypot',
        version: '0.1.0',
        state: 'running',
        health: 'ok',
        failures: 0,
        counters: {},
      },
      {
        name: 'host-agent',
        package: 'host-agent',
        version: '0.1.0',
        state: 'disabled',
        health: 'unknown',
        failures: 0,
        counters: {},
      },
    ],
    host: {
      cpus: 8,
      load1: 1.4,
      memoryBytes: 34_359_738_368,
      memoryFreeBytes: 21_474_836_480,
      disks: [{ what: 'state of the sensor', totalBytes: 500_000_000_000, freeBytes: 31_000_000_000 }],
    },
    volumes: [
      { name: 'suricata', state: 'unlocked', sizeBytes: 536_870_912, usedBytes: 61_000_000 },
      { name: 'passive-dns', state: 'unlocked', sizeBytes: 1_073_741_824, usedBytes: 402_653_184 },
    ],
    counts: { events: 1_203_112, alerts: 318, checksPassed: 5_310, checksMissed: losing ? 12 : 0 },
  };
}
