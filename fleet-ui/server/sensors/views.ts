import type {
  AdoptionCodeView,
  ConfigRevision,
  DesiredConfig,
  Group,
  ReturnView,
  Sensor,
  SensorDetail,
} from '@bulkhead/fleet-api';
import type { CertificateOf } from './authority-port.ts';
import type { CodeRecord } from './codes.ts';
import { documentText } from './effective-config.ts';
import type { GroupRecord } from './groups.ts';
import { effectiveOf } from './layer-change.ts';
import { originsOf } from './layers.ts';
import type { SensorRecord } from './registry.ts';
import type { ReturnRecord } from './return-book.ts';
import type { DesiredRevision } from './revisions.ts';
import type { Sensors } from './sensors.ts';

export const isoOf = (ms: number): string => new Date(ms).toISOString();

/** What many sensors are shown with, read once. */
export interface Around {
  groups: ReadonlyMap<string, GroupRecord>;
  certificates: ReadonlyMap<string, CertificateOf>;
  revisions: ReadonlyMap<string, DesiredRevision>;
  applied: ReadonlyMap<string, number>;
  waiting: ReadonlyMap<string, readonly ReturnRecord[]>;
}

export function around(sensors: Sensors): Around {
  const waiting = new Map<string, ReturnRecord[]>();
  for (const one of sensors.returns.book.waiting()) {
    waiting.set(one.sensor, [...(waiting.get(one.sensor) ?? []), one]);
  }
  return {
    groups: new Map(sensors.groups.all().map((group) => [group.id, group])),
    certificates: sensors.options.certificates.newestOfAll(),
    revisions: sensors.revisions.newestOfAll(),
    applied: sensors.revisions.appliedOfAll(),
    waiting,
  };
}

export function sensorView(sensors: Sensors, sensor: SensorRecord, known: Around): Sensor {
  const group = known.groups.get(sensor.groupId ?? '');
  const certificate = known.certificates.get(sensor.id);
  const seenMs = sensors.seenMs(sensor);
  return {
    id: sensor.id,
    name: sensor.name,
    state: sensor.state,
    group: group === undefined ? null : { id: group.id, name: group.name },
    tags: sensor.tags,
    notes: sensor.notes,
    ...(sensor.version === '' ? {} : { version: sensor.version }),
    adoptedAt: isoOf(sensor.adoptedMs),
    attached: sensors.options.links.attached(sensor.id),
    ...(seenMs === undefined ? {} : { lastSeen: isoOf(seenMs) }),
    ...(sensor.address === undefined ? {} : { address: sensor.address }),
    certificate:
      certificate === undefined
        ? null
        : {
            serial: certificate.serial,
            notAfter: isoOf(certificate.notAfterMs),
            expired: certificate.notAfterMs < sensors.now(),
          },
    config: configState(sensor, known),
    ...(sensor.cloneMs === undefined
      ? {}
      : { clone: { at: isoOf(sensor.cloneMs), text: sensor.cloneText ?? '' } }),
    returns: (known.waiting.get(sensor.id) ?? []).map(returnView),
  };
}

export function sensorDetail(sensors: Sensors, sensor: SensorRecord): SensorDetail {
  return {
    ...sensorView(sensors, sensor, around(sensors)),
    hardware: dropUndefined(sensor.hardware) as SensorDetail['hardware'],
    certificates: sensors.options.certificates.of(sensor.id).map((one) => ({
      serial: one.serial,
      issuedAt: isoOf(one.issuedMs),
      notAfter: isoOf(one.notAfterMs),
      why: one.why,
      ...(one.firstSeenMs === undefined ? {} : { firstSeen: isoOf(one.firstSeenMs) }),
      ...(one.revokedMs === undefined ? {} : { revokedAt: isoOf(one.revokedMs) }),
      ...(one.revokedWhy === undefined ? {} : { revokedWhy: one.revokedWhy }),
    })),
  };
}

export function desiredView(sensors: Sensors, sensor: SensorRecord): DesiredConfig {
  const known = around(sensors);
  const layers = sensors.desired.layersOf(sensor);
  const group = sensor.groupId === undefined ? undefined : known.groups.get(sensor.groupId);
  const shared = {
    state: configState(sensor, known),
    ...(layers.base === undefined ? {} : { base: layers.base }),
    ...(group === undefined
      ? {}
      : { group: { id: group.id, name: group.name, revision: group.revision, config: group.config } }),
    overrides: layers.overrides,
  };
  if (layers.base === undefined) return { ...shared, origin: {}, overridden: [] };
  try {
    const { document, origin, overridden } = effectiveOf(layers, sensor);
    return { ...shared, document: documentText(document), origin, overridden };
  } catch {
    // The problem stands in the state; what there is can be looked at all the same.
    const document = sensors.desired.documentOf(sensor);
    return {
      ...shared,
      ...(document === undefined ? {} : { document: documentText(document) }),
      origin: originsOf([
        { layer: 'base', document: layers.base },
        ...(layers.group === undefined ? [] : [{ layer: 'group' as const, document: layers.group }]),
        { layer: 'sensor', document: layers.overrides },
      ]),
      overridden: [],
    };
  }
}

export function revisionView(revision: DesiredRevision): ConfigRevision {
  return {
    number: revision.number,
    at: isoOf(revision.atMs),
    author: revision.author,
    reason: revision.reason,
    cause: revision.cause,
    ...(revision.restores === undefined ? {} : { restores: revision.restores }),
    state: revision.state,
    ...(revision.resultMs === undefined ? {} : { resultAt: isoOf(revision.resultMs) }),
    ...(revision.code === undefined ? {} : { code: revision.code }),
    ...(revision.message === undefined ? {} : { message: revision.message }),
    ...(revision.sensorRevision === undefined ? {} : { sensorRevision: revision.sensorRevision }),
  };
}

export function groupView({ id, name, description, sensors, revision }: GroupRecord): Group {
  return { id, name, description, sensors, revision };
}

export function codeView(code: CodeRecord): AdoptionCodeView {
  return {
    id: code.id,
    createdAt: isoOf(code.createdMs),
    createdBy: code.createdBy,
    expiresAt: isoOf(code.expiresMs),
    ...(code.name === undefined ? {} : { name: code.name }),
    ...(code.groupId === undefined ? {} : { group: code.groupId }),
    ...(code.replaces === undefined ? {} : { replaces: code.replaces }),
  };
}

function returnView(one: ReturnRecord): ReturnView {
  return {
    id: one.id,
    at: isoOf(one.askedMs),
    lastAskedAt: isoOf(one.lastMs),
    address: one.address,
    ...(one.version === undefined ? {} : { version: one.version }),
    ...(one.hostname === undefined ? {} : { hostname: one.hostname }),
    why: one.why,
    state: one.state,
  };
}

function configState(sensor: SensorRecord, known: Around): Sensor['config'] {
  const newest = known.revisions.get(sensor.id);
  const applied = known.applied.get(sensor.id);
  const overrides = leafCount(sensor.overrides);
  const numbers = {
    ...(newest === undefined ? {} : { revision: newest.number }),
    ...(applied === undefined ? {} : { applied }),
    ...(sensor.ahead === undefined ? {} : { ahead: sensor.ahead }),
    overrides,
  };
  if (sensor.problem !== undefined) {
    return {
      state: 'invalid',
      ...numbers,
      code: sensor.problem.code,
      detail: sensor.problem.message.slice(0, 4000),
    };
  }
  if (newest === undefined || newest.state === 'superseded') return { state: 'none', ...numbers };
  if (newest.state === 'waiting') {
    const why = sensor.ahead === undefined ? 'offline' : 'undecided';
    return { state: 'waiting', ...numbers, detail: sensor.state === 'active' ? why : sensor.state };
  }
  return {
    state: newest.state,
    ...numbers,
    ...(newest.code === undefined ? {} : { code: newest.code }),
    ...(newest.message === undefined ? {} : { detail: newest.message }),
  };
}

function leafCount(value: unknown): number {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 1;
  return Object.values(value).reduce((sum: number, inner) => sum + leafCount(inner), 0);
}

function dropUndefined(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}
