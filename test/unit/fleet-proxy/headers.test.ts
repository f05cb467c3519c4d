import { expect, test } from 'vitest';
import { allowedCookie, readCookie, UI_COOKIE } from '../../../fleet-ui/server/proxy/cookies.ts';
import { Hosts } from '../../../fleet-ui/server/proxy/host.ts';
import { enforcedHeaders, headersForBrowser } from '../../../fleet-ui/server/proxy/response-headers.ts';
import { idLabel, idOfLabel, sensorLabel } from '@bulkhead/fleet-api';

const LAB = { id: 's_aaaaaaaaaaaaaaaa', name: 'lab' };
const hosts = new Hosts({
  baseDomain: 'fleet.example.org',
  scheme: 'https',
  knowsHost: (host) => host === 'fleet.example.org',
  sensors: {
    byLabel: (label) => (label === 'lab' ? LAB : undefined),
    byId: (id) => (id === LAB.id ? LAB : undefined),
  },
});

function origin(header: string): string {
  try {
    return hosts.find(header).origin;
  } catch (error) {
    return (error as { code: string }).code;
  }
}

test('a name leads to one instrument, by the name of the sensor or by its id', () => {
  expect(origin('rules.lab.fleet.example.org:8443')).toBe('https://rules.lab.fleet.example.org:8443');
  expect(origin('Rules.LAB.fleet.example.org:443')).toBe('https://rules.lab.fleet.example.org');
  expect(hosts.find('rules.s-aaaaaaaaaaaaaaaa.fleet.example.org')).toMatchObject({
    sensor: LAB.id,
    sensorName: 'lab',
  });
});

test('every other name below the base domain is refused', () => {
  for (const header of [
    'lab.fleet.example.org',
    'a.rules.lab.fleet.example.org',
    'rules.lab.fleet.example.org.',
    'rules.lab.fleet.example.org:0',
    'rules.lab.fleet.example.org:99999',
    'rules.lab.fleet.example.org:8443:1',
    'rules_1.lab.fleet.example.org',
    '-rules.lab.fleet.example.org',
    'rules.lab.fleet.example.org@evil.example',
    'rules.lab.fleet.example.org/x',
    'rules.lab.fleetxexample.org',
    '',
  ]) {
    expect([header, origin(header)]).toEqual([header, 'FLEET_PROXY_HOST_REFUSED']);
  }
  expect(origin('rules.other.fleet.example.org')).toBe('FLEET_PROXY_SENSOR_UNKNOWN');
  expect(hosts.covers('x.fleet.example.org')).toBe(true);
  expect(hosts.covers('fleet.example.org')).toBe(false);
});

test('a sensor whose name cannot stand in a host name goes by its id; a name cannot pretend to be an id', () => {
  expect(sensorLabel(LAB)).toBe('lab');
  expect(sensorLabel({ id: LAB.id, name: 'Ward 3' })).toBe('s-aaaaaaaaaaaaaaaa');
  expect(sensorLabel({ id: LAB.id, name: 's-bbbbbbbbbbbbbbbb' })).toBe('s-aaaaaaaaaaaaaaaa');
  expect(idOfLabel(idLabel(LAB.id))).toBe(LAB.id);
});

test("our cookie is read as browsers send it, the host's own before others", () => {
  const value = 'a'.repeat(43);
  expect(readCookie(`x=1; ${UI_COOKIE}=${value}; y=2`, UI_COOKIE)).toBe(value);
  expect(readCookie(`${UI_COOKIE}=${value}`, UI_COOKIE)).toBe(value);
  for (const header of [
    undefined,
    '',
    'x=1',
    `x${UI_COOKIE}=${value}`,
    `${UI_COOKIE}=short`,
    `${UI_COOKIE}="${value}"`,
  ]) {
    expect(readCookie(header, UI_COOKIE)).toBeUndefined();
  }
});

test('cookies of the page: of its own host only, and under no name that is ours', () => {
  for (const fine of [
    'theme=dark',
    'a=b; Path=/; Secure; SameSite=Strict',
    'a=; Max-Age=0',
    'a=b=c; HttpOnly',
  ]) {
    expect([fine, allowedCookie(fine)]).toEqual([fine, true]);
  }
  for (const bad of [
    'a=b; Domain=localhost',
    'a=b; domain=',
    'a=b;Domain',
    '__Host-bulkhead=x; Path=/; Secure',
    '__Secure-a=b',
    '__http-a=b',
    ' __Host-a=b',
    'Bulkhead=1',
    'bulkhead-ui=1',
    '=__Host-bulkhead=1',
    'novalue',
    `a=${'b'.repeat(5_000)}`,
    'a b=c',
  ]) {
    expect([bad, allowedCookie(bad)]).toEqual([bad, false]);
  }
});

test('what the page says of frames, policies and the rest of the world does not count; ours is always there', () => {
  const raw = [
    ['Content-Type', 'text/html'],
    ['X-Frame-Options', 'ALLOWALL'],
    ['Content-Security-Policy', "frame-ancestors *; script-src 'self'"],
    ['Strict-Transport-Security', 'max-age=0'],
    ['Access-Control-Allow-Origin', '*'],
    ['Connection', 'X-Secret, Content-Security-Policy, X-Content-Type-Options'],
    ['X-Secret', '1'],
    ['Set-Cookie', 'a=1'],
    ['Set-Cookie', 'b=1; Domain=example.org'],
  ].flatMap((pair) => pair.map((text) => Buffer.from(text)));
  const { headers, streams } = headersForBrowser(raw, enforcedHeaders('https'));
  const lines = headers.flatMap((text, index) =>
    index % 2 === 0 ? [`${text}: ${headers[index + 1] ?? ''}`] : [],
  );
  expect(streams).toBe(false);
  expect(lines).toEqual(
    expect.arrayContaining([
      'X-Frame-Options: DENY',
      'X-Content-Type-Options: nosniff',
      'Strict-Transport-Security: max-age=31536000',
      'Cross-Origin-Resource-Policy: same-origin',
      'Content-Type: text/html',
      'Set-Cookie: a=1',
    ]),
  );
  expect(lines.filter((line) => line.startsWith('Content-Security-Policy')).join()).toContain(
    "frame-ancestors 'none'",
  );
  expect(lines.join('\n')).not.toMatch(/X-Secret|ALLOWALL|max-age=0|Access-Control|Domain/);
  const policyOfPage = headersForBrowser(raw.slice(0, 6), enforcedHeaders('http')).headers;
  // Two policies add up: the page's may be stricter.
  expect(policyOfPage.filter((text) => text === 'Content-Security-Policy')).toHaveLength(2);
  expect(policyOfPage).not.toContain('Strict-Transport-Security');
});
