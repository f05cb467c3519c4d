import { expect, test } from 'vitest';
import { AsksSchema, SensorConfigSchema, type Manifest } from '@bulkhead/platform/contracts';
import {
  busModel,
  desiredState,
  digestOf,
  plan,
  type ActualState,
  type Step,
} from '@bulkhead/platform/sensord';
import { foreseenChange } from '../../../platform/sensord/config-plan.ts';
import { rightsDigest } from '../../../platform/sensord/plan.ts';

const PORT = 8054;
const MANIFEST: Manifest = {
  apiVersion: 'bulkhead/1',
  name: 'rules',
  version: '1.0.0',
  title: 'Rules',
  description: 'Rules',
  image: 'base',
  command: ['/usr/bin/node', '/opt/instrument/main.mjs'],
  asks: { ...AsksSchema.parse({}), ui: { port: PORT, title: 'Rules' } },
  volume: { sizeMib: 64 },
  limits: { memoryMib: 256, cpuCores: 1, processes: 64, openFiles: 256 },
};

/** A sensor with one instrument. */
function desired(ui: boolean, change: { enabled?: boolean; package?: string } = {}) {
  const instruments = [{ name: 'rules', package: 'rules', grants: { ui }, ...change }];
  const config = SensorConfigSchema.parse({ version: 1, sensor: { name: 'lab' }, instruments });
  return desiredState(config, (name) => {
    if (name !== 'rules') throw new Error('no such package');
    return { manifest: MANIFEST, appDir: '/a', digest: 'd', image: { file: '/i', fingerprint: 'f' } };
  });
}

const given = desired(true);
const revoked = desired(false);

/** The instrument runs, with this page. */
function running(page?: { port: number; alive: boolean }): ActualState {
  const instrument = given.instruments[0]!;
  const { name, digest } = instrument;
  const container = { running: true, digest, rights: rightsDigest(instrument), drift: [], wired: true, page };
  return {
    busDigest: digestOf(busModel(given)),
    monitors: new Map(),
    containers: new Map([[name, container]]),
    fanouts: new Map(),
  };
}

const pageSteps = (steps: readonly Step[]) => steps.filter(({ kind }) => /Page$/.test(kind));
const may = () => ({ may: true as const });

test('giving and revoking the page touches the page alone: the same container goes on', () => {
  expect(given.instruments[0]?.digest).toBe(revoked.instruments[0]?.digest);
  expect(plan(given, running(), may)).toEqual([{ kind: 'servePage', name: 'rules', port: PORT }]);
  const kinds = plan(revoked, running({ port: PORT, alive: true }), may).map(({ kind }) => kind);
  expect(kinds).toContain('closePage');
  expect(kinds).not.toContain('removeInstrument');
  expect(kinds).not.toContain('stopInstrument');
});

test('a page that stands is left alone; one whose proxy died is made anew; one on another port is closed first', () => {
  expect(plan(given, running({ port: PORT, alive: true }), may)).toEqual([]);
  expect(pageSteps(plan(given, running({ port: PORT, alive: false }), may)).map(({ kind }) => kind)).toEqual([
    'servePage',
  ]);
  expect(pageSteps(plan(given, running({ port: 9000, alive: true }), may)).map(({ kind }) => kind)).toEqual([
    'closePage',
    'servePage',
  ]);
});

test('what does not run has no page, and nothing waits for one', () => {
  const stopped = running();
  const one = stopped.containers.get('rules')!;
  const actual = { ...stopped, containers: new Map([['rules', { ...one, running: false }]]) };
  expect(plan(given, actual, may).map(({ kind }) => kind)).toEqual(['startInstrument']);
  expect(
    pageSteps(plan(desired(true, { enabled: false }), running({ port: PORT, alive: true }), may)),
  ).toEqual([]);
});

test('a configuration that cannot be understood takes nobody’s page away', () => {
  const broken = desired(true, { package: 'gone' });
  expect(broken.problems).toHaveLength(1);
  expect(pageSteps(plan(broken, running({ port: PORT, alive: true }), may))).toEqual([]);
});

test('who asks beforehand is told that people are cut off', () => {
  const { steps, interruptions } = foreseenChange(revoked, running({ port: PORT, alive: true }));
  expect(steps).toContain('close the web page of rules');
  expect(interruptions).toEqual(['the web page of rules closes; who looks at it is cut off']);
});
