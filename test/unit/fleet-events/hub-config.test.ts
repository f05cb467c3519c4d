import { expect, test } from 'vitest';
import { hubConfig, HubConfigSchema } from '@bulkhead/fleet-server/events';

const INPUT = {
  serverName: 'fleet-hub',
  clientPort: 1,
  leafPort: 2,
  storeDir: '/s',
  logFile: '/l',
  keys: { system: 'USYS', fleet: 'UFLEET' },
  sensors: new Map([
    ['s_bbbbbbbbbbbbbbbb', 'UB'],
    ['s_aaaaaaaaaaaaaaaa', 'UA'],
  ]),
  bare: new Set<string>(),
};

test('a sensor may say its own subjects and hear answers, over a leaf link, and nobody else may import them', () => {
  const text = hubConfig(INPUT);
  expect(text).toContain(
    '{ service: "up.s_aaaaaaaaaaaaaaaa.>", response_threshold: "60s", accounts: ["S_s_aaaaaaaaaaaaaaaa"] }',
  );
  expect(text).toContain(
    'users: [ { nkey: UA, allowed_connection_types: ["LEAFNODE"], permissions: ' +
      '{ publish: { allow: ["up.s_aaaaaaaaaaaaaaaa.>"] }, subscribe: { allow: ["_INBOX.up.>"] } } } ]',
  );
  // JetStream is enabled in one account alone.
  expect(text.match(/jetstream: enabled/g)).toHaveLength(1);
  // The same sensors, the same text: a reload that changes nothing is none.
  expect(hubConfig({ ...INPUT, sensors: new Map([...INPUT.sensors].reverse()) })).toBe(text);
});

test('a newcomer is there before it has its import', () => {
  const text = hubConfig({ ...INPUT, bare: new Set(['s_bbbbbbbbbbbbbbbb']) });
  expect(text).toContain('"S_s_bbbbbbbbbbbbbbbb" {');
  expect(text).not.toContain('"up.s_bbbbbbbbbbbbbbbb.>", response_threshold');
  expect(text).not.toContain('import: "up.s_bbbbbbbbbbbbbbbb.>"');
});

test('it listens on loopback only, alone; in a cluster also for the other servers, who prove themselves', () => {
  const text = hubConfig(INPUT);
  expect(text.match(/listen: "[^"]+"/g)).toEqual(['listen: "127.0.0.1:1"', 'listen: "127.0.0.1:2"']);
  const cluster = {
    ...{ serverName: 'fleet-hub-1', listen: 'a:6222', routes: ['a:6222', 'b:6222'], secret: 'p"w' },
    tls: { cert: '/c', key: '/k', ca: '/a' },
  };
  const several = hubConfig({ ...INPUT, cluster });
  expect(several).toContain('password: "p\\"w"');
  expect(several).toContain('nats://fleet:p%22w@b:6222');
  expect(several).toContain('verify: true');
});

test.each([
  [{ replicas: 3 }, /replicas/],
  [{ servers: ['a:1', 'b:1', 'c:1'], secretFile: '/s' }, /self/],
  [{ servers: ['a:1', 'b:1', 'c:1'], self: 'd:1', secretFile: '/s' }, /self/],
  [{ servers: ['127.0.0.1:1', '127.0.0.1:2'], self: '127.0.0.1:1' }, /secretFile/],
  [{ servers: ['a:1', 'b:1', 'c:1'], self: 'a:1', secretFile: '/s' }, /tls/],
  [{ servers: ['a:1'], self: 'a:1', secretFile: 's' }, /secretFile/],
])('a hub of several servers is refused when something is missing: %o', (value, where) => {
  const result = HubConfigSchema.safeParse(value);
  expect(result.success).toBe(false);
  expect(JSON.stringify(result.error?.issues)).toMatch(where);
});

test('alone by default', () => {
  expect(HubConfigSchema.parse({})).toEqual({ servers: [], replicas: 1 });
});
