import { createHash } from 'node:crypto';
import type {
  ActiveWiring,
  InstrumentConfig,
  Limits,
  Manifest,
  MirrorFilter,
  SensorConfig,
} from '../contracts/index.ts';
import { BulkheadError, describeError } from '../kernel/index.ts';
import { effectiveRights, type Rights } from './rights.ts';

/** A package as it lies on this sensor. */
export interface AvailablePackage {
  manifest: Manifest;
  /** Read-only folder that becomes `/opt/instrument`. */
  appDir: string;
  /** Digest of the app folder's content. */
  digest: string;
  /** Image archive and its LXD fingerprint. */
  image: { file: string; fingerprint: string };
  /** Version of the Debian package of the same name in the image, e.g. of Suricata itself. */
  toolVersion?: string | undefined;
}

/** One interface of an instrument, wired. */
export interface DesiredPort {
  /** Name inside the container. */
  name: string;
  kind: 'mirror' | 'capture-in' | 'capture-out';
  /** Monitor interface whose traffic it carries. */
  monitor: string;
  filter: MirrorFilter;
}

/** One active interface of an instrument, wired. */
export interface DesiredActivePort extends ActiveWiring {
  /** Name inside the container. */
  name: string;
  kind: 'dedicated' | 'bridged';
  /** Network interface or bridge of the machine. */
  device: string;
  vlan?: number | undefined;
}

/** One instrument as it should be: manifest and configuration merged, rights narrowed to asked ∩ granted. */
export interface DesiredInstrument {
  name: string;
  packageName: string;
  enabled: boolean;
  manifest: Manifest;
  appDir: string;
  image: { file: string; fingerprint: string };
  ports: DesiredPort[];
  active: DesiredActivePort[];
  rights: Rights;
  limits: Limits;
  volumeMib: number;
  options: InstrumentConfig['options'];
  resources: InstrumentConfig['resources'];
  /** Runs beside the configuration, by `bulkhead dev run`. */
  unverified?: true;
  /** Changes when anything changes that only a new container can take up. */
  digest: string;
}

/** What the sensor should be. `problems` are instruments that cannot be had as configured; they block no other. */
export interface DesiredState {
  sensor: string;
  monitors: { name: string; device: string }[];
  instruments: DesiredInstrument[];
  problems: { instrument: string; error: string }[];
  bus: SensorConfig['bus'];
  detectionCheck: SensorConfig['detectionCheck'];
  events: SensorConfig['events'];
  metrics: SensorConfig['metrics'];
}

/**
 * Merges the configuration with the packages that are there. Pure.
 * @param find gives a package or throws when it is not there or damaged; the fault stays with that instrument.
 */
export function desiredState(config: SensorConfig, find: (name: string) => AvailablePackage): DesiredState {
  const packageOf = new Map(config.instruments.map((instrument) => [instrument.name, instrument.package]));
  const instruments: DesiredInstrument[] = [];
  const problems: DesiredState['problems'] = [];
  for (const instrument of config.instruments) {
    try {
      instruments.push(desiredInstrument(config, instrument, find(instrument.package), packageOf));
    } catch (error) {
      problems.push({ instrument: instrument.name, error: describeError(error) });
    }
  }
  return {
    sensor: config.sensor.name,
    monitors: config.monitorInterfaces.map(({ name, device }) => ({ name, device })),
    instruments,
    problems,
    bus: config.bus,
    detectionCheck: config.detectionCheck,
    events: config.events,
    metrics: config.metrics,
  };
}

/**
 * One instrument, merged with its package.
 * @param sensor the sensor that it is for: its name and its ways out
 * @param packageOf package of each instrument that rights may name
 */
export function desiredInstrument(
  sensor: Pick<SensorConfig, 'sensor' | 'activeInterfaces'>,
  config: InstrumentConfig,
  from: AvailablePackage,
  packageOf: ReadonlyMap<string, string>,
): DesiredInstrument {
  const { manifest } = from;
  const merged = {
    name: config.name,
    packageName: config.package,
    enabled: config.enabled,
    manifest,
    appDir: from.appDir,
    image: from.image,
    ports: wirePorts(config, manifest),
    active: wireActive(config, manifest, sensor.activeInterfaces),
    rights: effectiveRights(config, manifest, packageOf),
    limits: { ...manifest.limits, ...definedOnly(config.limits) },
    volumeMib: config.volumeMib ?? manifest.volume.sizeMib,
    options: config.options,
    resources: config.resources,
  };
  const digest = digestOf({
    sensor: sensor.sensor.name,
    name: merged.name,
    app: from.digest,
    image: from.image.fingerprint,
    ports: merged.ports.map(({ name, kind, monitor }) => ({ name, kind, monitor })),
    active: merged.active,
    // All other rights are taken up by a container as it runs.
    capabilities: merged.rights.capabilities,
    limits: merged.limits,
    volumeMib: merged.volumeMib,
    options: merged.options,
    command: manifest.command,
  });
  return { ...merged, digest };
}

function definedOnly(values: InstrumentConfig['limits']): Partial<Limits> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

function wirePorts(config: InstrumentConfig, manifest: Manifest): DesiredPort[] {
  return Object.entries(config.interfaces).map(([name, monitor]) => {
    const { kind, filter } = askedPort(config, manifest, name);
    if (kind === 'active') throw wrongKind(config, name, 'sends, so it is wired under /active');
    return { name, kind, monitor, filter };
  });
}

function wireActive(
  config: InstrumentConfig,
  manifest: Manifest,
  interfaces: SensorConfig['activeInterfaces'],
): DesiredActivePort[] {
  return Object.entries(config.active).map(([name, wiring]) => {
    const { kind } = askedPort(config, manifest, name);
    if (kind !== 'active') throw wrongKind(config, name, 'only receives, so it is wired under /interfaces');
    const through = interfaces.find((one) => one.name === wiring.interface);
    if (through === undefined)
      throw wrongKind(config, name, `goes through ${wiring.interface}, which is not there`);
    return { ...wiring, name, kind: through.kind, device: through.device, vlan: through.vlan };
  });
}

function askedPort(config: InstrumentConfig, manifest: Manifest, name: string) {
  const port = manifest.asks.interfaces.find((one) => one.name === name);
  if (port !== undefined) return port;
  throw new BulkheadError({
    code: 'SENSORD_INTERFACE_UNKNOWN',
    message: `Instrument ${config.name} is wired to an interface "${name}" that package ${config.package} does not have.`,
    hint: `It has: ${manifest.asks.interfaces.map((one) => one.name).join(', ') || 'none'}.`,
    fields: { instrument: config.name, interface: name },
  });
}

function wrongKind(config: InstrumentConfig, name: string, why: string): BulkheadError {
  return new BulkheadError({
    code: 'SENSORD_INTERFACE_KIND',
    message: `The interface "${name}" of ${config.name} ${why}.`,
    hint: 'Correct the wiring of the instrument in the configuration.',
    fields: { instrument: config.name, interface: name },
  });
}

/** SHA-256 over canonical JSON: equal values give equal digests whatever the order of their keys. */
export function digestOf(value: unknown): string {
  return createHash('sha256').update(canonical(value)).digest('hex');
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value)
      .filter(([, inner]) => inner !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([key, inner]) => `${JSON.stringify(key)}:${canonical(inner)}`).join(',')}}`;
  }
  return JSON.stringify(value);
}

/** @throws BulkheadError SENSORD_INSTRUMENT_UNKNOWN */
export function findInstrument({ instruments }: DesiredState, name: string): DesiredInstrument {
  const found = instruments.find((one) => one.name === name);
  if (found !== undefined) return found;
  throw new BulkheadError({
    code: 'SENSORD_INSTRUMENT_UNKNOWN',
    message: `There is no instrument ${name} on this sensor.`,
    hint: '`bulkhead instrument list` shows their names.',
    fields: { instrument: name },
  });
}
