import type { InstrumentStatus, MonitorStatus, PacketCounts, SensorStatus } from '../contracts/index.ts';
import type { ConfigurationState } from './configuration.ts';
import type { DesiredInstrument, DesiredState } from './desired.ts';
import type { EventCounts } from './event-counts.ts';
import type { Health } from './health-poller.ts';
import type { ContainerState, Loss, MonitorLedger } from './rooms.ts';
import type { Standing } from './supervisor.ts';

/** The state of a detection check, as the health room tells it. */
export type CheckStatus = MonitorStatus['check'];

/** Name of the counter. */
const RULES_SINCE = 'rules.since_s';
/** The end of the year 9999. */
const MOST_S = 253_402_300_799;
/** So few packets, and so long ago, are no loss that goes on. */
const HANDFUL = 10;
const LATELY_S = 600;

/** Everything that a status is made from. */
export interface StatusInput {
  version: string;
  versions: Record<string, string>;
  startedAt: Date;
  configuration: ConfigurationState;
  desired: DesiredState;
  containers: readonly ContainerState[];
  standing: (name: string) => Standing;
  health: (name: string) => Health;
  /** Host ends of mirror ports that get copies now. */
  served: ReadonlySet<string>;
  hostEnd: (instrument: string, port: string) => string;
  pageSocket: (instrument: string) => string;
  bus: { up: boolean; version: string | undefined; restarts: number };
  ledgers: readonly MonitorLedger[];
  /** The ledger's losses when every instrument saw for the first time; undefined = not yet. */
  lostBefore: (monitor: string) => readonly Loss[] | undefined;
  /** How long ago the ledger's losses of a monitor interface grew last, in seconds. */
  lostAgoS: (monitor: string) => number | undefined;
  /** Monitor interfaces that are guarded and up. */
  watching: ReadonlySet<string>;
  check: (monitor: string) => CheckStatus;
  /** What features know of a monitor interface. */
  moreOfMonitor: (monitor: string) => Pick<MonitorStatus, 'feed'>;
  /** What features know of an instrument that runs, and of the machine. */
  moreOfInstrument: (name: string) => Pick<InstrumentStatus, 'use'>;
  machine: Pick<SensorStatus, 'host' | 'volumes'>;
  counts: EventCounts;
  /** What features say needs attention. */
  moreAttention: readonly string[];
  storedMessages: number;
}

/** A sensor's status from one look at everything. Pure. */
export function sensorStatus(input: StatusInput): SensorStatus {
  const { desired, configuration, bus } = input;
  const instruments = [
    ...desired.instruments.map((instrument) => instrumentStatus(input, instrument)),
    ...desired.problems
      .filter(({ instrument }) => !desired.instruments.some(({ name }) => name === instrument))
      .map(({ instrument, error }) => invalidInstrument(instrument, error)),
  ];
  const monitors = desired.monitors.map((monitor) => monitorStatus(input, monitor));
  const attention = [...attentionOf(input, instruments, monitors), ...input.moreAttention];
  return {
    sensor: desired.sensor,
    version: input.version,
    versions: {
      ...input.versions,
      ...(bus.version === undefined ? {} : { 'nats-server': bus.version }),
    },
    startedAt: input.startedAt.toISOString(),
    healthy: attention.length === 0,
    attention,
    config: {
      path: configuration.path,
      digest: configuration.digest,
      loadedAt: configuration.loadedAt.toISOString(),
      ...(configuration.lastError === undefined ? {} : { lastError: configuration.lastError }),
      ...(configuration.revision === undefined ? {} : { revision: configuration.revision }),
      ...(configuration.trying === undefined ? {} : { trying: configuration.trying }),
    },
    bus: {
      up: bus.up,
      ...(bus.version === undefined ? {} : { version: bus.version }),
      encrypted: desired.bus.encrypt,
      restarts: bus.restarts,
    },
    monitors,
    instruments,
    counts: {
      events: input.storedMessages,
      alerts: input.counts.alerts,
      checksPassed: input.counts.checksPassed,
      checksMissed: input.counts.checksMissed,
    },
    ...input.machine,
  };
}

function attentionOf(
  { bus, configuration, desired }: StatusInput,
  instruments: readonly InstrumentStatus[],
  monitors: readonly MonitorStatus[],
): string[] {
  return [
    ...(bus.up ? [] : ['the bus is down; it is being restarted']),
    ...monitors
      .filter(({ state }) => state !== 'watching')
      .map(({ name }) => `monitor interface ${name} is not watching`),
    ...monitors
      .filter(({ check }) => check.state === 'missed' || check.state === 'blind')
      .map(
        ({ name, check }) =>
          `the detection check on ${name} did not come back${check.text === undefined ? '' : `: ${check.text}`}`,
      ),
    ...instruments
      .filter(({ state, health }) => state !== 'disabled' && (state !== 'running' || health !== 'ok'))
      .map(
        ({ name, state, health, detail }) =>
          `${name} is ${state === 'running' ? health : state}${detail === undefined ? '' : `: ${detail}`}`,
      ),
    ...desired.problems.map(
      ({ instrument, error }) => `the configuration of ${instrument} cannot be used: ${error}`,
    ),
    ...(configuration.lastError === undefined
      ? []
      : [`the last configuration was refused: ${configuration.lastError}`]),
    ...monitors
      .filter(({ packets }) => isLoss(packets))
      .map(({ name, packets }) => `${String(packets.lost)} packets of ${name} were lost`),
  ];
}

/**
 * Whether lost packets need attention. A handful that a start or a swap cost, and that did not become more for ten minutes, is
 * counted and shown, but nobody has to act; what grows, or was more, does. Pure.
 */
export function isLoss({ lost, lostAgoS }: Pick<PacketCounts, 'lost' | 'lostAgoS'>): boolean {
  if (lost === 0) return false;
  return lost > HANDFUL || lostAgoS === undefined || lostAgoS < LATELY_S;
}

function instrumentStatus(input: StatusInput, instrument: DesiredInstrument): InstrumentStatus {
  const { name, manifest } = instrument;
  const container = input.containers.find((one) => one.name === name);
  const standing = input.standing(name);
  const running = container?.status === 'running';
  const health = running ? input.health(name) : undefined;
  const detail = running ? health?.detail : standing.state === 'free' ? undefined : standing.reason;
  return {
    name,
    package: instrument.packageName,
    version: manifest.version,
    state: stateOf(instrument, running, isServed(input, instrument), standing),
    health: health?.state ?? 'unknown',
    ...(detail === undefined ? {} : { detail }),
    ...(running ? { pid: container.pid } : {}),
    failures: standing.failures,
    ...(running ? pageStatus(input.pageSocket(name), instrument, container) : {}),
    ...(instrument.unverified === true ? { unverified: true as const } : {}),
    ...ruleStatus(health?.counters ?? {}),
    ...(running ? input.moreOfInstrument(name) : {}),
  };
}

/** An instrument with rules says in a counter since when (s since 1970) they have not changed; for people that is a time. */
function ruleStatus(said: Health['counters']): Pick<InstrumentStatus, 'counters' | 'rulesSince'> {
  const { [RULES_SINCE]: sinceS, ...counters } = said;
  if (sinceS === undefined || !(sinceS > 0 && sinceS <= MOST_S)) return { counters };
  return { counters, rulesSince: new Date(sinceS * 1000).toISOString() };
}

function pageStatus(
  socket: string,
  { rights, manifest }: DesiredInstrument,
  { page }: ContainerState,
): Pick<InstrumentStatus, 'page'> {
  if (!rights.ui || manifest.asks.ui === undefined) return {};
  const { title } = manifest.asks.ui;
  return { page: { title, state: page?.alive === true ? 'served' : 'opening', socket } };
}

/** Every mirror port gets copies: an instrument that runs and is not connected yet does not see. */
export function isServed(
  { served, hostEnd }: Pick<StatusInput, 'served' | 'hostEnd'>,
  instrument: DesiredInstrument,
): boolean {
  return instrument.ports.every(
    (port) => port.kind !== 'mirror' || served.has(hostEnd(instrument.name, port.name)),
  );
}

function stateOf(
  instrument: DesiredInstrument,
  running: boolean,
  connected: boolean,
  standing: Standing,
): InstrumentStatus['state'] {
  if (!instrument.enabled) return running ? 'running' : 'disabled';
  if (running) return connected ? 'running' : 'starting';
  if (standing.state === 'held') return 'held';
  return standing.state === 'waiting' ? 'waiting' : 'starting';
}

function invalidInstrument(name: string, error: string): InstrumentStatus {
  return {
    name,
    package: '-',
    version: '-',
    state: 'invalid',
    health: 'unknown',
    detail: error,
    failures: 0,
    counters: {},
  };
}

function monitorStatus(
  input: StatusInput,
  { name, device }: { name: string; device: string },
): MonitorStatus {
  const ledger = input.ledgers.find(({ monitor }) => monitor === name);
  return {
    name,
    device,
    state: input.watching.has(name) ? 'watching' : 'down',
    check: input.check(name),
    packets: ledger === undefined ? NO_PACKETS : packetCounts(input, ledger),
    ...input.moreOfMonitor(name),
  };
}

const NO_PACKETS: PacketCounts = Object.freeze({
  received: 0,
  forwarded: 0,
  captured: 0,
  cloned: 0,
  filtered: 0,
  lost: 0,
  lostWhere: [],
  lostStarting: 0,
  transmitAttempts: 0,
  framesSent: 0,
});

function packetCounts(input: StatusInput, ledger: MonitorLedger): PacketCounts {
  const before = input.lostBefore(ledger.monitor);
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  // Until everybody has seen once, nothing can be expected to be seen; what arrives then is told apart.
  const lostWhere = before === undefined ? [] : lossesSince(ledger.lost, before);
  const lost = sum(lostWhere.map(({ packets }) => packets));
  const lostAgoS = lost === 0 ? undefined : input.lostAgoS(ledger.monitor);
  return {
    received: ledger.nic.rxPackets,
    forwarded: ledger.forwarded,
    captured: ledger.capture.out,
    cloned: sum(ledger.ports.map(({ delivered }) => delivered)),
    filtered: sum(ledger.fanout.filters.map(({ filtered }) => filtered)),
    lost,
    lostWhere,
    ...(lostAgoS === undefined ? {} : { lostAgoS }),
    lostStarting: sum(ledger.lost.map(({ packets }) => packets)) - lost,
    transmitAttempts: ledger.egressDropped,
    framesSent: ledger.framesOnWire,
  };
}

function lossesSince(now: readonly Loss[], before: readonly Loss[]): PacketCounts['lostWhere'] {
  const known = (loss: Loss) =>
    before.find(({ stage, port }) => stage === loss.stage && port === loss.port)?.packets ?? 0;
  return now
    .map((loss) => ({ stage: loss.stage, packets: Math.max(0, loss.packets - known(loss)) }))
    .filter(({ packets }) => packets > 0);
}
