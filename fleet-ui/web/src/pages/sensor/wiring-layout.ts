import type {
  SeenInstrument,
  SeenLedgerLine,
  SeenMatrix,
  SeenMonitor,
  SeenStatus,
} from '@bulkhead/fleet-api';
import { stageKey, type StageRate, type StageRates } from './ledger-rates.ts';

export const BOX_WIDTH = 212;
const BOX_HEIGHT = 74;
const GAP = 22;
const TOP = 34;
const COLUMN = { monitor: 8, engine: 330, instrument: 640, bus: 910 } as const;
export const PICTURE_WIDTH = 1000;
export const BUS_WIDTH = 82;
const CAPTURE_PACKAGE = 'capture-engine';

export type Condition = 'good' | 'warn' | 'bad' | 'idle';

/** A thing in the picture: a monitor interface, the capture engine, or an instrument. */
export interface WiringBox {
  kind: 'monitor' | 'engine' | 'instrument';
  name: string;
  x: number;
  y: number;
  height: number;
  condition: Condition;
  /** Two short lines under the name. */
  lines: readonly [string, string];
}

/** A way on which packets or events pass. */
export interface WiringLine {
  id: string;
  kind: 'packets' | 'bus';
  /** An SVG path. */
  path: string;
  /** Where its words stand, and how they are set there. */
  label: { x: number; y: number; anchor: 'start' | 'middle' | 'end' };
  /** For who hears the picture: `copies from span-a to suricata`. */
  what: string;
  rate: StageRate | undefined;
  /** Nothing can pass: one of the ends is down. */
  idle: boolean;
}

export interface WiringPicture {
  height: number;
  boxes: WiringBox[];
  lines: WiringLine[];
  bus: { y: number; height: number; condition: Condition };
}

/** Where everything stands. Pure. */
export function wiringPicture(parts: {
  status: SeenStatus;
  ports: readonly SeenLedgerLine[];
  rates: StageRates;
  matrix: SeenMatrix | undefined;
}): WiringPicture {
  const { status, ports, rates, matrix } = parts;
  const engines = status.instruments.filter((one) => one.package === CAPTURE_PACKAGE);
  const seeing = new Set(ports.map(({ name }) => name.split('/')[0] ?? ''));
  // Those that see packets stand first, so that lines of packets do not cross lines of the bus.
  const others = status.instruments
    .filter((one) => one.package !== CAPTURE_PACKAGE)
    .sort((a, b) => Number(seeing.has(b.name)) - Number(seeing.has(a.name)));
  const rows = Math.max(status.monitors.length, engines.length, others.length, 1);
  const inner = rows * BOX_HEIGHT + (rows - 1) * GAP;
  const place = (count: number, index: number) =>
    TOP + (inner - (count * BOX_HEIGHT + (count - 1) * GAP)) / 2 + index * (BOX_HEIGHT + GAP);
  const monitorBoxes = status.monitors.map((monitor, index) =>
    monitorBox(monitor, place(status.monitors.length, index)),
  );
  const engineBoxes = engines.map((one, index) =>
    instrumentBox('engine', one, COLUMN.engine, place(engines.length, index), undefined),
  );
  const otherBoxes = others.map((one, index) =>
    instrumentBox('instrument', one, COLUMN.instrument, place(others.length, index), matrix),
  );
  return {
    height: TOP + inner + 12,
    boxes: [...monitorBoxes, ...engineBoxes, ...otherBoxes],
    lines: [
      ...monitorBoxes.flatMap((box, index) =>
        monitorLine(box, engineBoxes[0], rates, (index + 1) / (monitorBoxes.length + 1)),
      ),
      ...portLines(ports, engineBoxes[0], monitorBoxes, otherBoxes, rates),
      ...otherBoxes.map((box) => busLine(box, rates)),
    ],
    bus: { y: TOP, height: inner, condition: status.bus.up ? 'good' : 'bad' },
  };
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
    lost: first.lost + second.lost,
    lostPerS: first.lostPerS === undefined ? second.lostPerS : first.lostPerS + (second.lostPerS ?? 0),
  };
}

function point(x: number, y: number): string {
  return `${String(Math.round(x))} ${String(Math.round(y))}`;
}

/** The beginning of a text that would not fit. */
export function shortened(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}
