import type {
  SeenActivePort,
  SeenInstrument,
  SeenLedgerLine,
  SeenMatrix,
  SeenMonitor,
  SeenStatus,
} from '@bulkhead/fleet-api';
import type { ActiveRates } from './active-rates.ts';
import { stageKey, type StageRate, type StageRates } from './ledger-rates.ts';
import { bothLost } from './loss-standing.ts';
import { activeGroups, activeHeight, activeParts } from './wiring-active.ts';
import {
  BOX_HEIGHT,
  BOX_WIDTH,
  COLUMN,
  GAP,
  point,
  TOP,
  type Condition,
  type WiringBox,
  type WiringLine,
  type WiringPicture,
} from './wiring-shape.ts';

const CAPTURE_PACKAGE = 'capture-engine';

/** Where everything stands. Pure. */
export function wiringPicture(parts: {
  status: SeenStatus;
  ports: readonly SeenLedgerLine[];
  rates: StageRates;
  matrix: SeenMatrix | undefined;
  active?: { ports: readonly SeenActivePort[]; rates: ActiveRates };
}): WiringPicture {
  const { status, ports, rates, matrix, active = { ports: [], rates: new Map() } } = parts;
  const engines = status.instruments.filter((one) => one.package === CAPTURE_PACKAGE);
  const seeing = new Set(ports.map(({ name }) => name.split('/')[0] ?? ''));
  const sending = new Set(active.ports.map(({ instrument }) => instrument));
  // Those that see packets stand first and those that only send last, so that lines do not cross each other.
  const order = ({ name }: SeenInstrument) => (seeing.has(name) ? 0 : sending.has(name) ? 2 : 1);
  const others = status.instruments
    .filter((one) => one.package !== CAPTURE_PACKAGE)
    .sort((a, b) => order(a) - order(b));
  const groups = activeGroups(active.ports, others);
  const below = activeHeight(groups);
  const rows = Math.max(status.monitors.length, engines.length, 1);
  const inner = Math.max(stackHeight(rows) + below, stackHeight(others.length));
  const place = (count: number, index: number, height = inner - below) =>
    TOP + (height - stackHeight(count)) / 2 + index * (BOX_HEIGHT + GAP);
  const monitorBoxes = status.monitors.map((monitor, index) =>
    monitorBox(monitor, place(status.monitors.length, index)),
  );
  const engineBoxes = engines.map((one, index) =>
    instrumentBox('engine', one, COLUMN.engine, place(engines.length, index), undefined),
  );
  const otherBoxes = others.map((one, index) =>
    instrumentBox('instrument', one, COLUMN.instrument, place(others.length, index, inner), matrix),
  );
  const outward = activeParts(groups, TOP + inner - below + GAP, otherBoxes, active.rates);
  return {
    height: TOP + inner + 12,
    activeY: groups.length === 0 ? undefined : TOP + inner - below + GAP + 16,
    boxes: [...monitorBoxes, ...engineBoxes, ...otherBoxes, ...outward.boxes],
    lines: [
      ...monitorBoxes.flatMap((box, index) =>
        monitorLine(box, engineBoxes[0], rates, (index + 1) / (monitorBoxes.length + 1)),
      ),
      ...portLines(ports, engineBoxes[0], monitorBoxes, otherBoxes, rates),
      ...otherBoxes.map((box) => busLine(box, rates)),
      ...outward.lines,
    ],
    bus: { y: TOP, height: inner, condition: status.bus.up ? 'good' : 'bad' },
  };
}

function stackHeight(count: number): number {
  return count === 0 ? 0 : count * BOX_HEIGHT + (count - 1) * GAP;
}

function monitorBox({ name, device, state, check, packets }: SeenMonitor, y: number): WiringBox {
  const blind = check.state === 'missed' || check.state === 'blind';
  const bad = state !== 'watching' || blind || packets.framesSent > 0;
  return {
    kind: 'monitor',
    name,
    x: COLUMN.monitor,
    y,
    height: BOX_HEIGHT,
    condition: bad ? 'bad' : check.state === 'ok' ? 'good' : 'idle',
    lines: [
      `${device} · ${state}`,
      packets.framesSent > 0
        ? `frames sent: ${String(packets.framesSent)}!`
        : `check ${check.state} · frames sent: 0`,
    ],
  };
}

/** How an instrument stands, from what the platform and it itself say. */
export function conditionOf({ state, health }: Pick<SeenInstrument, 'state' | 'health'>): Condition {
  if (state === 'disabled' || state === 'stopped') return 'idle';
  if (state === 'held' || state === 'invalid' || health === 'failed') return 'bad';
  if (state === 'running' && health === 'ok') return 'good';
  return 'warn';
}

function instrumentBox(
  kind: 'engine' | 'instrument',
  one: SeenInstrument,
  x: number,
  y: number,
  matrix: SeenMatrix | undefined,
): WiringBox {
  const outside = (matrix?.edges ?? []).filter(
    (edge) => edge.from === one.name && (edge.kind === 'egress' || edge.kind === 'fetch'),
  );
  const reach =
    kind === 'engine'
      ? 'no address, no way out'
      : matrix === undefined
        ? `version ${one.version}`
        : outside.length === 0
          ? 'reaches nothing outside'
          : outside.length === 1
            ? `reaches ${shortened(outside[0]?.to ?? '', 18)}`
            : `reaches ${String(outside.length)} destinations`;
  return {
    kind,
    name: one.name,
    x,
    y,
    height: BOX_HEIGHT,
    condition: conditionOf(one),
    lines: [one.state === 'running' ? `running · ${one.health}` : one.state, reach],
  };
}

function monitorLine(
  from: WiringBox,
  to: WiringBox | undefined,
  rates: StageRates,
  share: number,
): WiringLine[] {
  if (to === undefined) return [];
  const guard = rates.get(stageKey('guard', from.name));
  const nic = rates.get(stageKey('nic', from.name));
  const line = packetLine(
    from,
    to,
    `m ${from.name}`,
    `packets of ${from.name} to ${to.name}`,
    joined(nic, guard),
    share,
  );
  // At its beginning: at the other end the lines of all monitor interfaces meet.
  const label = { x: from.x + BOX_WIDTH + 8, y: from.y + from.height / 2 - 7, anchor: 'start' as const };
  return [{ ...line, label }];
}

function portLines(
  ports: readonly SeenLedgerLine[],
  engine: WiringBox | undefined,
  monitors: readonly WiringBox[],
  instruments: readonly WiringBox[],
  rates: StageRates,
): WiringLine[] {
  return ports.flatMap((port) => {
    const [instrument = ''] = port.name.split('/');
    const to = instruments.find(({ name }) => name === instrument);
    const from = engine ?? monitors.find(({ name }) => name === port.monitor);
    if (to === undefined || from === undefined) return [];
    const mine = ports.filter(({ name }) => name.split('/')[0] === instrument);
    const share = (mine.indexOf(port) + 1) / (mine.length + 1);
    const rate = rates.get(stageKey(port.stage, port.name));
    return [
      packetLine(
        from,
        to,
        `p ${port.name}`,
        `copies from ${port.monitor ?? 'the monitor'} to ${port.name}`,
        rate,
        share,
      ),
    ];
  });
}

function packetLine(
  from: WiringBox,
  to: WiringBox,
  id: string,
  what: string,
  rate: StageRate | undefined,
  share: number,
): WiringLine {
  const start = { x: from.x + BOX_WIDTH, y: from.y + from.height / 2 };
  const end = { x: to.x, y: to.y + to.height * share };
  const bend = (end.x - start.x) * 0.45;
  return {
    id,
    kind: 'packets',
    path: `M${point(start.x, start.y)} C${point(start.x + bend, start.y)} ${point(end.x - bend, end.y)} ${point(end.x - 2, end.y)}`,
    label: { x: end.x - 12, y: end.y - 7, anchor: 'end' },
    what,
    rate,
    idle: from.condition === 'idle' || to.condition === 'idle',
  };
}

function busLine(box: WiringBox, rates: StageRates): WiringLine {
  const y = box.y + box.height / 2;
  const x = box.x + BOX_WIDTH;
  return {
    id: `b ${box.name}`,
    kind: 'bus',
    path: `M${point(x, y)} L${point(COLUMN.bus, y)}`,
    label: { x: (x + COLUMN.bus) / 2, y: y - 7, anchor: 'middle' },
    what: `events that ${box.name} publishes`,
    rate: rates.get(stageKey('publish', box.name)),
    idle: box.condition === 'idle',
  };
}

/** What leaves the second stage, and what both lost. */
function joined(first: StageRate | undefined, second: StageRate | undefined): StageRate | undefined {
  if (first === undefined || second === undefined) return second ?? first;
  return {
    ...second,
    ...bothLost(first, second),
    lostPerS: first.lostPerS === undefined ? second.lostPerS : first.lostPerS + (second.lostPerS ?? 0),
  };
}

/** The beginning of a text that would not fit. */
export function shortened(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}
