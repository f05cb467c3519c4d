import { expect, test } from 'vitest';
import { fleetNames, parseConfig } from '@bulkhead/fleet-server/fleetd';

const invalid = (pointer: string) =>
  expect.objectContaining({ code: 'FLEET_FLEETD_CONFIG_INVALID', fields: { pointer } });

test('an empty configuration is a whole one: TLS for people and sensors, state below /var/lib', () => {
  expect(parseConfig({}, '/etc/bulkhead')).toMatchObject({
    stateDir: '/var/lib/bulkhead-fleet',
    web: { address: '0.0.0.0', port: 8443, plainHttp: false },
    link: { address: '0.0.0.0', port: 8444 },
  });
});

test('relative paths are relative to the file', () => {
  const config = parseConfig(
    { stateDir: 'state', web: { certificate: { certFile: 'c.pem', keyFile: '/k.pem' } } },
    '/srv/fleet',
  );
  expect(config.stateDir).toBe('/srv/fleet/state');
  expect(config.web.certificate).toEqual({ certFile: '/srv/fleet/c.pem', keyFile: '/k.pem' });
});

test('plain HTTP is for loopback only', () => {
  expect(() => parseConfig({ web: { plainHttp: true } }, '/')).toThrow(invalid('/web/address'));
  expect(() => parseConfig({ web: { plainHttp: true, address: '192.0.2.1' } }, '/')).toThrow(
    invalid('/web/address'),
  );
  expect(parseConfig({ web: { plainHttp: true, address: '127.0.0.1' } }, '/').web.plainHttp).toBe(true);
});

test.each([
  [{ colour: 'red' }, '/colour'],
  [{ web: { port: 70_000 } }, '/web/port'],
  [{ web: { address: 'localhost' } }, '/web/address'],
  [{ names: ['fleet.example.org', 'https://x'] }, '/names/1'],
  [{ baseDomain: '192.0.2.1:8443' }, '/baseDomain'],
  [{ events: { retentionDays: 0 } }, '/events/retentionDays'],
])('%j is refused at its place', (value, pointer) => {
  expect(() => parseConfig(value, '/')).toThrow(invalid(pointer));
});

const machine = { hostname: 'Box', addresses: () => ['192.0.2.7', '2001:db8::7'] };

test('a fleet goes by its configured names, the machine’s name and its addresses, and by no other', () => {
  const names = fleetNames(parseConfig({ names: ['fleet.example.org'] }, '/'), machine);
  expect(names.main).toBe('fleet.example.org');
  expect(names.baseDomain).toBe('fleet.example.org');
  for (const host of [
    'fleet.example.org',
    'box',
    '192.0.2.7',
    '[2001:db8::7]',
    'localhost',
    '127.0.0.1',
    '[::1]',
  ]) {
    expect([host, names.knows(host)]).toEqual([host, true]);
  }
  for (const host of ['example.org', 'suricata.lab.fleet.example.org', '192.0.2.8', 'box.example']) {
    expect([host, names.knows(host)]).toEqual([host, false]);
  }
});

test('with plain HTTP it goes by loopback names alone, unless it is given others', () => {
  const plain = { web: { plainHttp: true, address: '127.0.0.1' } };
  const names = fleetNames(parseConfig(plain, '/'), machine);
  expect([names.main, names.baseDomain]).toEqual(['localhost', 'localhost']);
  expect(names.knows('192.0.2.7') || names.knows('box')).toBe(false);
});
