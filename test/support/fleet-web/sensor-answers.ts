import {
  SensorDetailSchema,
  SensorStatusReplySchema,
  type ConfigRevision,
  type DesiredConfig,
} from '@bulkhead/fleet-api';
import { DATA, GRANTS, ledger, LOG, MATRIX, OWN_REVISIONS } from './asked.ts';
import { active, DOWNLOADS, SETUP } from './asked-machine.ts';
import { ago, detailOf, GROUPS, LAB, linkOf, SENSORS, statusOf } from './sensors.ts';
import { ok, type Asked } from './answer.ts';

const REVISIONS: ConfigRevision[] = [
  {
    number: 7,
    at: ago(8_000),
    author: 'anna',
    reason: 'more memory',
    cause: 'sensor',
    state: 'applied',
    resultAt: ago(7_990),
    sensorRevision: 9,
  },
  {
    number: 6,
    at: ago(90_000),
    author: 'ben',
    reason: '',
    cause: 'group',
    state: 'failed',
    code: 'SENSORD_CONFIG_INVALID',
    message: 'The device eth7 is not there.',
  },
  { number: 5, at: ago(400_000), author: 'anna', reason: 'at set-up', cause: 'base', state: 'superseded' },
];
const DOCUMENT = `version: 1
sensor: { name: lab }
monitorInterfaces:
  - { name: span-a, device: enp3s0 }
  - { name: span-b, device: enp4s0 }
instruments:
  - name: suricata
    package: suricata
    limits: { memoryMib: 4096 }
`;
const DESIRED: DesiredConfig = {
  state: { state: 'applied', revision: 7, applied: 7, overrides: 2 },
  document: DOCUMENT,
  base: {},
  group: { id: 'g_hospitalhospital', name: 'hospital', revision: 4, config: {} },
  overrides: { instruments: { suricata: { limits: { memoryMib: 4096 } } } },
  origin: {},
  overridden: [
    {
      pointer: '/instruments/suricata/limits/memoryMib',
      by: 'sensor',
      value: 4096,
      hides: { by: 'group', value: 3072 },
    },
    { pointer: '/instruments/suricata/options/homeNet', by: 'group', value: ['10.20.0.0/16'] },
  ],
};

/** What is asked of one sensor or group, or of a sensor's own API. */
export function ofSensor({ method, path }: Asked) {
  const [, id = '', rest = ''] = /^\/sensors\/(s_[a-z2-7]{16})(\/.*)?$/.exec(path) ?? [];
  const group = /^\/groups\/(g_[a-z2-7]{16})$/.exec(path)?.[1];
  if (group !== undefined)
    return ok({
      ...GROUPS.find((one) => one.id === group),
      config: { instruments: { suricata: { limits: { memoryMib: 3072 } } } },
      revisions: [],
    });
  const one = SENSORS.find((sensor) => sensor.id === id);
  if (one === undefined || method !== 'GET') return undefined;
  switch (rest) {
    case '':
      return ok(SensorDetailSchema.parse(detailOf(one)));
    case '/status':
      return ok(
        SensorStatusReplySchema.parse({
          link: linkOf(one),
          statusUnreadable: false,
          ...(one.state === 'mapping'
            ? {}
            : { statusAt: one.attached ? ago(1) : (one.lastSeen ?? ago(1)), status: statusOf(one) }),
        }),
      );
    case '/config':
      return ok(DESIRED);
    case '/revisions':
      return ok({ revisions: REVISIONS });
    case '/mapping':
      return ok({
        needed: true,
        interfaces: [{ kind: 'monitor', name: 'span-a', device: 'eth2', sameName: false }],
        nics: detailOf(one).hardware.nics,
        formerNics: [],
      });
    case '/api/v1/ledger':
      return ok(ledger(id !== LAB));
    case '/api/v1/grants':
      return ok(GRANTS);
    case '/api/v1/grants/matrix':
      return ok(MATRIX);
    case '/api/v1/config/revisions':
      return ok(OWN_REVISIONS);
    case '/api/v1/active':
      return ok(active());
    case '/api/v1/downloads':
      return ok(DOWNLOADS);
    case '/api/v1/data/report':
      return ok({ algorithm: 'Ed25519', publicKey: '', signature: '', report: DATA });
    default:
      if (/^\/api\/v1\/instruments\/[a-z-]+\/setup$/.test(rest)) return ok(SETUP);
      if (/^\/api\/v1\/instruments\/[a-z-]+\/log$/.test(rest)) return ok({ lines: LOG });
      if (/^\/revisions\/\d+$/.test(rest)) {
        return ok({
          revision: REVISIONS[0],
          document: DOCUMENT,
          differences: [
            { pointer: '/instruments/suricata/limits/memoryMib', before: 3072, after: 4096 },
            { pointer: '/monitorInterfaces/span-b', after: { name: 'span-b', device: 'enp4s0' } },
          ],
        });
      }
      return undefined;
  }
}
