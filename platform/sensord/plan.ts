import type { MirrorFilter } from '../contracts/index.ts';
import { digestOf, type DesiredInstrument, type DesiredState } from './desired.ts';
import { toldRights } from './instrument-files.ts';
import { servicesOf } from './services.ts';

/** What stands on the machine right now, observed and not remembered. */
export interface ActualState {
  /** Digest of the bus model in force; undefined when nats-server does not answer. */
  busDigest: string | undefined;
  /** Monitor interfaces that are guarded and forwarding, by name. */
  monitors: ReadonlyMap<string, { device: string; intact: boolean }>;
  containers: ReadonlyMap<string, ActualContainer>;
  /** Per monitor interface: digest of the fan-out in force. */
  fanouts: ReadonlyMap<string, string>;
}

export interface ActualContainer {
  running: boolean;
  /** Digest of the desired instrument that it was made from. */
  digest: string | undefined;
  /** Digest of the rights that it was told; undefined when nobody remembers. */
  rights?: string | undefined;
  /** Differences from what was created, in words. */
  drift: readonly string[];
  /** True when all its links stand and each guard rule is in place. */
  wired: boolean;
  /** The way to its web page, if there is or soon will be one; `alive` unless its proxy died. */
  page?: { port: number; alive: boolean } | undefined;
}

/** What the supervisor says about starting an instrument now. */
export type StartVerdict = { may: true } | { may: false; reason: string };

/** One port of a fan-out. The host end is found by (instrument, port). */
export interface FanoutPort {
  instrument: string;
  port: string;
  filter: MirrorFilter;
}

/** One thing to do. Each kind has an executor. */
export type Step =
  | { kind: 'configureBus'; digest: string }
  | { kind: 'stopInstrument'; name: string; reason: string }
  | { kind: 'removeInstrument'; name: string; reason: string }
  | { kind: 'detachMonitor'; name: string; reason: string }
  | { kind: 'attachMonitor'; name: string; device: string }
  | { kind: 'updateRights'; name: string; digest: string }
  | { kind: 'startInstrument'; name: string; reason: string }
  | { kind: 'setFanout'; monitor: string; ports: FanoutPort[]; digest: string }
  | { kind: 'closePage'; name: string }
  | { kind: 'servePage'; name: string; port: number };

/**
 * What has to be done to get from `actual` to `desired`. Pure; empty when they agree.
 * Order: take away (stop, remove, detach), then build up (bus, rights, monitors, capture engines, others), then connect.
 * An instrument in `desired.problems` keeps running as it is: a broken configuration of it must not blind the sensor.
 */
export function plan(
  desired: DesiredState,
  actual: ActualState,
  verdict: (instrument: string) => StartVerdict,
): Step[] {
  const busDigest = digestOf(busModel(desired));
  const wanted = new Map(desired.instruments.map((instrument) => [instrument.name, instrument]));
  const troubled = new Set(desired.problems.map((problem) => problem.instrument));
  return [
    ...takeAway(actual, wanted, troubled),
    ...closedPages(actual, wanted, troubled),
    ...detachments(desired, actual),
    ...(actual.busDigest === busDigest ? [] : [{ kind: 'configureBus' as const, digest: busDigest }]),
    ...rightsUpdates(desired, actual),
    ...attachments(desired, actual),
    ...starts(desired, actual, verdict),
    ...fanouts(desired, actual),
    ...servedPages(desired, actual),
  ];
}

function takeAway(
  actual: ActualState,
  wanted: ReadonlyMap<string, DesiredInstrument>,
  troubled: ReadonlySet<string>,
): Step[] {
  const steps: Step[] = [];
  for (const [name, container] of actual.containers) {
    const instrument = wanted.get(name);
    if (troubled.has(name)) continue;
    if (instrument === undefined) {
      steps.push({ kind: 'removeInstrument', name, reason: 'it is not in the configuration' });
    } else if (!instrument.enabled) {
      if (container.running) steps.push({ kind: 'stopInstrument', name, reason: 'it is disabled' });
    } else if (container.drift.length > 0) {
      const reason = `it was changed behind the sensor's back: ${container.drift.join('; ')}`;
      steps.push({ kind: 'removeInstrument', name, reason });
    } else if (container.digest !== instrument.digest) {
      steps.push({ kind: 'removeInstrument', name, reason: 'its configuration or version changed' });
    } else if (container.running && !container.wired) {
      steps.push({ kind: 'stopInstrument', name, reason: 'one of its links or guard rules is gone' });
    }
  }
  return steps;
}

function detachments(desired: DesiredState, actual: ActualState): Step[] {
  const steps: Step[] = [];
  for (const [name, monitor] of actual.monitors) {
    const wanted = desired.monitors.find((candidate) => candidate.name === name);
    if (wanted === undefined)
      steps.push({ kind: 'detachMonitor', name, reason: 'it is not in the configuration' });
    else if (wanted.device !== monitor.device) {
      steps.push({ kind: 'detachMonitor', name, reason: `its device is now ${wanted.device}` });
    }
  }
  return steps;
}

/** After the bus, which enforces them: who is told of a right may use it. */
function rightsUpdates(desired: DesiredState, actual: ActualState): Step[] {
  return desired.instruments.flatMap((instrument): Step[] => {
    const { name, enabled } = instrument;
    const container = actual.containers.get(name);
    if (!enabled || container === undefined || !runsAs(instrument, container)) return [];
    const digest = rightsDigest(instrument);
    return container.rights === digest ? [] : [{ kind: 'updateRights', name, digest }];
  });
}

/** It runs, and is what was wanted. */
function runsAs(instrument: DesiredInstrument, container: ActualContainer): boolean {
  const { running, wired, digest, drift } = container;
  return running && wired && digest === instrument.digest && drift.length === 0;
}

/** Changes when what an instrument is told of its rights changes. */
export function rightsDigest(instrument: DesiredInstrument): string {
  return digestOf(toldRights(instrument));
}

function attachments(desired: DesiredState, actual: ActualState): Step[] {
  return desired.monitors
    .filter(({ name, device }) => {
      const standing = actual.monitors.get(name);
      return standing?.device !== device || !standing.intact;
    })
    .map(({ name, device }) => ({ kind: 'attachMonitor', name, device }));
}

function starts(desired: DesiredState, actual: ActualState, verdict: (name: string) => StartVerdict): Step[] {
  const steps: Step[] = [];
  for (const instrument of captureEnginesFirst(desired.instruments)) {
    if (!instrument.enabled) continue;
    const container = actual.containers.get(instrument.name);
    const good =
      container !== undefined && container.digest === instrument.digest && container.drift.length === 0;
    if (good && container.running && container.wired) continue;
    if (!verdict(instrument.name).may) continue;
    const reason =
      container === undefined ? 'it is not there yet' : good ? 'it is not running' : 'it is made anew';
    steps.push({ kind: 'startInstrument', name: instrument.name, reason });
  }
  return steps;
}

/** Without a capture engine no traffic flows, so it comes first. */
function captureEnginesFirst(instruments: readonly DesiredInstrument[]): DesiredInstrument[] {
  const rank = (instrument: DesiredInstrument) =>
    instrument.ports.some((port) => port.kind !== 'mirror') ? 0 : 1;
  return [...instruments].sort((a, b) => rank(a) - rank(b));
}

function fanouts(desired: DesiredState, actual: ActualState): Step[] {
  const steps: Step[] = [];
  for (const monitor of desired.monitors) {
    const ports = fanoutOf(desired, actual, monitor.name);
    const digest = digestOf(ports);
    if (actual.fanouts.get(monitor.name) !== digest) {
      steps.push({ kind: 'setFanout', monitor: monitor.name, ports, digest });
    }
  }
  return steps;
}

/** Pages that nobody may look at any more. What is stopped or removed loses its page by that. */
function closedPages(
  actual: ActualState,
  wanted: ReadonlyMap<string, DesiredInstrument>,
  troubled: ReadonlySet<string>,
): Step[] {
  return [...actual.containers]
    .filter(([name, { page }]) => {
      const instrument = wanted.get(name);
      return (
        page !== undefined &&
        instrument?.enabled === true &&
        !troubled.has(name) &&
        pageOf(instrument) !== page.port
      );
    })
    .map(([name]) => ({ kind: 'closePage', name }));
}

/** Last: LXD takes a second for each, and nothing waits for them. */
function servedPages(desired: DesiredState, actual: ActualState): Step[] {
  return desired.instruments.flatMap((instrument) => {
    const { name, enabled, digest } = instrument;
    const container = actual.containers.get(name);
    const port = pageOf(instrument);
    if (port === undefined || !enabled || container?.running !== true) return [];
    if (container.digest !== digest || container.drift.length > 0) return [];
    if (container.page?.port === port && container.page.alive) return [];
    return [{ kind: 'servePage' as const, name, port }];
  });
}

/** The port of the page that people may look at; undefined when there is none, or they may not. */
function pageOf({ rights, manifest }: DesiredInstrument): number | undefined {
  return rights.ui ? manifest.asks.ui?.port : undefined;
}

/** The mirror ports that should get copies: those of instruments that run as they should. */
export function fanoutOf(desired: DesiredState, actual: ActualState, monitor: string): FanoutPort[] {
  return desired.instruments
    .filter((instrument) => {
      const container = actual.containers.get(instrument.name);
      return instrument.enabled && container?.running === true && container.wired;
    })
    .flatMap((instrument) =>
      instrument.ports
        .filter((port) => port.kind === 'mirror' && port.monitor === monitor)
        .map((port) => ({ instrument: instrument.name, port: port.name, filter: port.filter })),
    )
    .sort((a, b) => (`${a.instrument}/${a.port}` < `${b.instrument}/${b.port}` ? -1 : 1));
}

/** The bus's part of the desired state: what accounts, streams and consumers are compiled from. */
export function busModel(desired: DesiredState) {
  const readers = new Set(desired.instruments.map((instrument) => instrument.name));
  return {
    sensor: desired.sensor,
    encrypt: desired.bus.encrypt,
    streamMib: desired.bus.streamMib,
    instruments: desired.instruments.map(({ name, rights, active, manifest }) => ({
      name,
      publish: [...rights.publish],
      read: rights.read.filter(({ from }) => readers.has(from)),
      send: rights.send.filter(({ to }) => readers.has(to)),
      accept: [...rights.accept],
      services: servicesOf({ rights, active, manifest }),
    })),
  };
}

/** A step in words, for dry runs, events and logs. */
export function describeStep(step: Step): string {
  switch (step.kind) {
    case 'configureBus':
      return 'bring the bus to the granted rights';
    case 'stopInstrument':
      return `stop ${step.name}: ${step.reason}`;
    case 'removeInstrument':
      return `remove the container of ${step.name}: ${step.reason}`;
    case 'detachMonitor':
      return `stop watching on monitor interface ${step.name}: ${step.reason}`;
    case 'attachMonitor':
      return `watch on monitor interface ${step.name} (${step.device})`;
    case 'updateRights':
      return `tell ${step.name} of its rights`;
    case 'startInstrument':
      return `start ${step.name}: ${step.reason}`;
    case 'closePage':
      return `close the web page of ${step.name}`;
    case 'servePage':
      return `make the web page of ${step.name} reachable`;
    case 'setFanout':
      return `send copies of ${step.monitor} to ${
        step.ports.map((port) => `${port.instrument}/${port.port}`).join(', ') || 'nobody'
      }`;
  }
}
