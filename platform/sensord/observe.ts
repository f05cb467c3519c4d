import { isDeepStrictEqual } from 'node:util';
import { linkName, type Site } from '../kernel/index.ts';
import type { DesiredPort, DesiredState } from './desired.ts';
import type { ActualContainer, ActualState } from './plan.ts';
import type { ContainerState, GuardState, NetworkState } from './rooms.ts';
import { DIGEST_LABEL, PORTS_LABEL } from './start-instrument.ts';

/** What was put in force and cannot be read back; empty after a restart, so it is put in force once more. */
export interface Applied {
  busDigest: string | undefined;
  /** Per monitor interface: digest of the fan-out, and the host ends that it was to serve. */
  fanouts: Map<string, { digest: string; hostEnds: readonly string[] }>;
  /** Per instrument: digest of the rights that it was told. */
  rights: Map<string, string>;
  /** Web pages that are being made reachable right now, with their ports. */
  openingPages: Map<string, number>;
}

/** What `observed` is made from: one look at LXD, the kernel and the bus. */
export interface Observation {
  site: Site;
  desired: DesiredState;
  containers: readonly ContainerState[];
  network: NetworkState;
  busUp: boolean;
  applied: Applied;
}

/** Turns one look at the machine into what the plan compares. Pure. */
export function observed({ site, desired, containers, network, busUp, applied }: Observation): ActualState {
  const hostEnds = new Map(network.hostEnds.map((end) => [end.device, isIntact(end)]));
  const served = new Map(network.monitors.map(({ monitor, fanout }) => [monitor, fanout?.hostEnds]));
  return {
    busDigest: busUp ? applied.busDigest : undefined,
    monitors: new Map(
      network.monitors.map((state) => [
        state.monitor,
        { device: state.device, intact: isIntact(state) && state.captureLinked },
      ]),
    ),
    containers: new Map(
      containers.map((container) => [
        container.name,
        {
          ...actualContainer(site, desired, container, hostEnds),
          rights: applied.rights.get(container.name),
          page: openingPage(container.name, applied) ?? container.page,
        },
      ]),
    ),
    // A fan-out that the kernel lost, or whose record names other ports than were asked for, is not in force, whatever we remember.
    fanouts: new Map(
      [...applied.fanouts]
        .filter(([monitor, { hostEnds }]) => isSame(served.get(monitor), hostEnds))
        .map(([monitor, { digest }]) => [monitor, digest]),
    ),
  };
}

function isSame(one: readonly string[] | undefined, other: readonly string[]): boolean {
  return one !== undefined && isDeepStrictEqual([...one].sort(), [...other].sort());
}

/** What is on its way counts as there, so that it is not asked for twice. */
function openingPage(name: string, { openingPages }: Applied): { port: number; alive: boolean } | undefined {
  const port = openingPages.get(name);
  return port === undefined ? undefined : { port, alive: true };
}

function isIntact(state: Pick<GuardState, 'up' | 'faults'>): boolean {
  return state.up && state.faults.length === 0;
}

function actualContainer(
  site: Site,
  desired: DesiredState,
  container: ContainerState,
  hostEnds: ReadonlyMap<string, boolean>,
): ActualContainer {
  const instrument = desired.instruments.find(({ name }) => name === container.name);
  const ports = instrument?.ports ?? portsOf(container);
  const ends = [
    ...ports.map((port) => hostEndOf(site, container.name, port)),
    ...(instrument?.active ?? []).map((port) => linkName(site, 'a', `${container.name}/${port.name}`)),
  ];
  const wired = ends.every((end) => hostEnds.get(end) === true);
  return {
    running: container.status === 'running',
    digest: container.labels[DIGEST_LABEL],
    drift: container.drift,
    wired,
  };
}

/** The host's end of the link behind a port. Capture pairs belong to the monitor interface. */
export function hostEndOf(site: Site, instrument: string, port: DesiredPort): string {
  switch (port.kind) {
    case 'mirror':
      return linkName(site, 'm', `${instrument}/${port.name}`);
    case 'capture-in':
      return linkName(site, 'i', port.monitor);
    case 'capture-out':
      return linkName(site, 'o', port.monitor);
  }
}

/** The ports that a container was made with, from its label; none when it was not made by us. */
export function portsOf(container: ContainerState): DesiredPort[] {
  const text = container.labels[PORTS_LABEL];
  if (text === undefined) return [];
  try {
    return JSON.parse(text) as DesiredPort[];
  } catch {
    return []; // edited by hand: the drift check says so, and the container goes
  }
}
