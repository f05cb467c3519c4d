import { LAB, SENSORS } from '../../support/fleet-web/sensors.ts';

/** A sensor with everything wrong. */
const WARD = SENSORS.find(({ name }) => name === 'ward-four')!.id;

/** Every page, with words that are there when it is whole. */
export const PAGES: [name: string, path: string, words: string][] = [
  ['overview', '/', 'ward-four does not see'],
  ['sensors', '/sensors', 'asks to return'],
  ['groups', '/groups', 'Wards and the gate'],
  ['adoption', '/adoption', 'ward-five'],
  ['wiring', `/sensors/${WARD}`, 'Every packet and event'],
  ['machine', `/sensors/${LAB}/machine`, 'Health of the machine'],
  ['instruments', `/sensors/${LAB}/instruments`, 'Open Rules'],
  ['instrument', `/sensors/${LAB}/instruments/rule-manager`, 'rule-manager may read the alert events'],
  ['configuration', `/sensors/${LAB}/revisions?show=7`, 'Against the one before'],
  ['data', `/sensors/${LAB}/data`, 'Events of all instruments'],
  ['record', `/sensors/${LAB}/record`, 'Monitor interface span-a'],
  ['events', '/events', 'query host-3.example.org'],
  [
    'events-of-a-time',
    '/events?since=2020-01-01T00:00:00.000Z&until=2040-12-31T00:00:00.000Z',
    'query host-3',
  ],
  ['assets', '/assets', 'Infusion pump 7'],
  ['fleet-data', '/data', 'Reports of the sensors'],
  ['import', '/import', 'File of rules'],
  ['people', '/people', 'Ben Okafor'],
  ['account', '/account', 'nightly export'],
  ['audit', '/audit', 'sensor.configure'],
  ['settings', '/settings', 'Event store'],
  ['notifications', '/settings/notifications', 'People on call'],
  ['certificates', '/settings/certificates', 'Bulkhead fleet CA'],
  ['backup', '/settings/backup', 'The last backup'],
  ['invitation', '/invitation', 'Choose a password'],
];
