import { describe, expect, test } from 'vitest';
import {
  AsksSchema,
  SensorConfigSchema,
  type GrantsReport,
  type InstrumentGrants,
  type Manifest,
} from '@bulkhead/platform/contracts';
import { changeText, grantsText, matrixText } from '@bulkhead/platform/cli';
import { desiredState, granteesOf, grantsMatrix, grantsReport } from '@bulkhead/platform/sensord';

function manifest(name: string, asks: unknown): Manifest {
  return {
    apiVersion: 'bulkhead/1',
    name,
    version: '1.0.0',
    title: name,
    description: name,
    image: 'base',
    command: ['/usr/bin/node', '/opt/instrument/main.mjs'],
    asks: AsksSchema.parse(asks),
    volume: { sizeMib: 64 },
    limits: { memoryMib: 256, cpuCores: 1, processes: 64, openFiles: 256 },
  };
}

const PACKAGES = new Map(
  [
    manifest('ids', {
      publish: ['alert', 'dns'],
      accept: ['ruleset.apply'],
      downloads: [{ name: 'geo', url: 'https://geo.example.org/db', as: 'geo.db', everyS: 604_800 }],
    }),
    manifest('manager', {
      read: [
        { from: 'ids', type: 'alert' },
        { from: 'recorder', type: 'capture' },
      ],
      send: [
        { to: 'ids', command: 'ruleset.apply' },
        { to: 'ids', command: 'ruleset.gone' },
      ],
      deliver: [{ to: 'ids' }],
      ui: { port: 8080, title: 'Rules' },
    }),
    manifest('downloader', {
      fetch: true,
      egress: [{ to: 'proxy.example.org', ports: [3128] }],
      interfaces: [{ name: 'up0', kind: 'active' }],
    }),
  ].map((one) => [one.name, one]),
);

const CONFIG = SensorConfigSchema.parse({
  version: 1,
  sensor: { name: 'lab' },
  activeInterfaces: [{ name: 'out', kind: 'dedicated', device: 'eth9' }],
  instruments: [
    {
      name: 'ids-1',
      package: 'ids',
      grants: {
        publish: ['dns'],
        downloads: [
          {
            name: 'geo',
            url: 'https://geo.example.org/db',
            as: 'geo.db',
            redirectHosts: ['cdn.example.org'],
          },
        ],
      },
    },
    {
      name: 'manager',
      package: 'manager',
      grants: {
        read: [{ from: 'ids-1', type: 'alert' }],
        send: [
          { to: 'ids-1', command: 'ruleset.apply' },
          { to: 'ids-1', command: 'ruleset.gone' },
          { to: 'ids-9', command: 'ruleset.apply' },
        ],
        deliver: [{ to: 'ids-1' }],
        publish: ['alert'],
        ui: true,
      },
    },
    {
      name: 'downloader',
      package: 'downloader',
      active: { up0: { interface: 'out', address: 'dhcp' } },
      grants: { fetch: true, egress: [{ to: 'proxy.example.org', ports: [3128] }] },
    },
    { name: 'ghost', package: 'gone', grants: { publish: ['alert'] } },
  ],
});

const DESIRED = desiredState(CONFIG, (name) => {
  const found = PACKAGES.get(name);
  if (found === undefined) throw new Error(`there is no package ${name}`);
  return { manifest: found, appDir: '/apps', digest: name, image: { file: '/i', fingerprint: 'f' } };
});

const ORIGIN = { revision: 3, author: 'ada', time: '2026-01-02T03:04:05.000Z', reason: 'rules' };

function report(): GrantsReport {
  const instruments = grantsReport(granteesOf(CONFIG, DESIRED), {
    since: () => ORIGIN,
    effect: () => ({ state: 'now' }),
  });
  return { revision: 3, instruments };
}

function of(name: string): InstrumentGrants {
  const found = report().instruments.find(({ instrument }) => instrument === name);
  if (found === undefined) throw new Error(`no ${name}`);
  return found;
}

const states = (name: string) =>
  Object.fromEntries(
    of(name).rights.map(({ right, state, note }) => [
      right,
      note === undefined ? state : `${state}: ${note}`,
    ]),
  );

describe('what is asked, given and without effect', () => {
  test('each right once, with the reason when nothing comes of it', () => {
    expect(states('ids-1')).toEqual({
      'publish:dns': 'granted',
      'download:geo': 'granted',
      'publish:alert': 'asked',
    });
    expect(states('manager')).toEqual({
      'publish:alert': 'ineffective: its package does not ask for it',
      'read:ids-1/alert': 'granted: ids-1 may not publish them',
      'send:ids-1/ruleset.apply': 'granted',
      'send:ids-1/ruleset.gone': 'granted: ids-1 does not accept it',
      'send:ids-9/ruleset.apply': 'ineffective: there is no instrument ids-9',
      'deliver:ids-1': 'granted',
      ui: 'granted',
    });
    expect(states('ghost')).toEqual({
      'publish:alert': 'ineffective: nobody knows what its package asks for',
    });
    expect(of('ghost').problem).toContain('there is no package gone');
    expect(of('manager').unanswered).toEqual([
      'manager asks to read the capture events of recorder: no instrument runs the package recorder',
    ]);
    expect(of('ids-1').accepts).toEqual(['ruleset.apply']);
  });

  test('for people: who gave it and why, and the command that gives or takes the rest', () => {
    const text = grantsText(report());
    for (const part of [
      'manager may send `ruleset.apply` to ids-1\n      send:ids-1/ruleset.apply, by ada, 2026-01-02T03:04:05.000Z, revision 3: rules',
      'ids-1 may have https://geo.example.org/db downloaded daily into geo.db, at most 64 MiB',
      'ids-1 asks to publish alert events\n      bulkhead grants give ids-1 publish:alert',
      'bulkhead grants revoke manager send:ids-9/ruleset.apply',
      'downloader may reach proxy.example.org port 3128/tcp',
      'takes from those who may send them: `ruleset.apply`',
    ])
      expect(text).toContain(part);
  });
});

describe('the matrix', () => {
  test('holds every way on which something may pass, and says where nothing does', () => {
    expect(grantsMatrix(DESIRED)).toEqual([
      { from: 'downloader', to: 'cdn.example.org', kind: 'fetch', what: 'approved downloads' },
      { from: 'downloader', to: 'geo.example.org', kind: 'fetch', what: 'approved downloads' },
      { from: 'downloader', to: 'proxy.example.org', kind: 'egress', what: '3128/tcp' },
      { from: 'ids-1', to: 'manager', kind: 'events', what: 'alert', idle: 'ids-1 may not publish them' },
      {
        from: 'internet',
        to: 'ids-1',
        kind: 'download',
        what: 'geo.db from https://geo.example.org/db',
      },
      { from: 'manager', to: 'ids-1', kind: 'delivery', what: 'files' },
      { from: 'manager', to: 'ids-1', kind: 'message', what: 'ruleset.apply' },
      {
        from: 'manager',
        to: 'ids-1',
        kind: 'message',
        what: 'ruleset.gone',
        idle: 'ids-1 does not accept it',
      },
      { from: 'people', to: 'manager', kind: 'page', what: 'Rules' },
    ]);
  });

  test('as a grid and as a list', () => {
    const text = matrixText({
      revision: 3,
      instruments: ['ids-1', 'manager'],
      edges: grantsMatrix(DESIRED),
    });
    expect(text).toMatch(/^1 ids-1 +\. +E$/m);
    expect(text).toMatch(/^2 manager +DM +\.$/m);
    expect(text).toMatch(/^manager +ids-1 +message +ruleset\.apply$/m);
    expect(text).toContain('Everything else is refused.');
    expect(matrixText({ revision: 1, instruments: [], edges: [] })).toContain('nobody may talk to anybody');
  });
});

describe('what came of a change, in words', () => {
  const result = { instrument: 'manager', changed: true, revision: 4, rights: ['ui'], unchanged: [] };
  test.each([
    ['give', { effect: { state: 'now' } }, 'in force now'],
    ['give', { effect: { state: 'restart', reason: 'old' } }, 'bulkhead restart manager'],
    ['give', { effect: { state: 'not running' } }, 'manager does not run'],
    ['give', { effect: { state: 'now' }, changed: false }, 'nothing to do: revision 4 stays'],
    ['revoke', { effect: { state: 'waiting' }, endedAfterMs: 12 }, 'refused from now on (after 12 ms)'],
    ['revoke', { effect: { state: 'now' } }, 'the bus cannot be reached'],
  ] as const)('%s %j', (verb, more, words) => {
    expect(changeText(verb, { ...result, ...more })).toContain(words);
  });
});
