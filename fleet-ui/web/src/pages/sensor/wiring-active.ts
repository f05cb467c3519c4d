import type { SeenActivePort } from '@bulkhead/fleet-api';
import { byteWords } from '../../text/number-words.ts';
import { activeKey, activeWords, addressWords, type ActiveRates } from './active-rates.ts';
import {
  BOX_HEIGHT,
  BOX_WIDTH,
  COLUMN,
  GAP,
  point,
  type WiringBox,
  type WiringLine,
} from './wiring-shape.ts';

const CAPTION_HEIGHT = 26;
/** Between lines that end at one interface. */
const LINE_GAP = 24;
/** Where a line has left the column of instruments and goes straight. */
const STRAIGHT_X = COLUMN.instrument - 104;

/** A network interface or bridge of the host, with everybody who may send through it. */
export interface ActiveGroup {
  device: string;
  ports: SeenActivePort[];
  height: number;
}

/** Ports by what they go through, in the order of the instruments. Pure. */
export function activeGroups(
  ports: readonly SeenActivePort[],
  instruments: readonly { name: string }[],
): ActiveGroup[] {
  const place = (port: SeenActivePort) => instruments.findIndex(({ name }) => name === port.instrument);
  const groups = new Map<string, SeenActivePort[]>();
  for (const port of ports.filter((one) => place(one) !== -1).sort((a, b) => place(a) - place(b)))
    groups.set(port.device, [...(groups.get(port.device) ?? []), port]);
  return [...groups].map(([device, mine]) => ({
    ...{ device, ports: mine },
    height: Math.max(BOX_HEIGHT, LINE_GAP * (mine.length + 1)),
  }));
}

/** What the groups take below the monitor interfaces, with their caption; 0 without any. Pure. */
export function activeHeight(groups: readonly ActiveGroup[]): number {
  return groups.reduce((sum, { height }) => sum + GAP + height, groups.length === 0 ? 0 : CAPTION_HEIGHT);
}

/** Boxes of the interfaces, from `top` on, and a line to each from every instrument that may send there. Pure. */
export function activeParts(
  groups: readonly ActiveGroup[],
  top: number,
  instruments: readonly WiringBox[],
  rates: ActiveRates,
): { boxes: WiringBox[]; lines: WiringLine[] } {
  let y = top + CAPTION_HEIGHT;
  const boxes: WiringBox[] = [];
  const lines: WiringLine[] = [];
  for (const { device, ports, height } of groups) {
    boxes.push(interfaceBox(device, ports, y, height));
    ports.forEach((port, index) => {
      const from = instruments.find(({ name }) => name === port.instrument);
      if (from === undefined) return;
      const mine = groups.flatMap((group) => group.ports).filter((one) => one.instrument === port.instrument);
      const startY = from.y + from.height * (1 - (mine.indexOf(port) + 1) / (2 * mine.length + 1));
      lines.push(activeLine(port, from, startY, y + (height * (index + 1)) / (ports.length + 1), rates));
    });
    y += height + GAP;
  }
  return { boxes, lines };
}

function interfaceBox(
  device: string,
  ports: readonly SeenActivePort[],
  y: number,
  height: number,
): WiringBox {
  const total = (which: 'sent' | 'received') =>
    byteWords(ports.reduce((sum, { counts }) => sum + counts[which].bytes, 0));
  const [first] = ports;
  const who =
    first === undefined
      ? ''
      : ports.length === 1
        ? addressWords(first)
        : `${String(ports.length)} instruments`;
  const isDown = ports.some(({ up }) => !up);
  const isFaulty = ports.some(({ faults }) => (faults ?? []).length > 0);
  return {
    kind: 'active',
    name: device,
    x: COLUMN.monitor,
    y,
    height,
    condition: isFaulty ? 'bad' : isDown ? 'warn' : 'good',
    lines: [
      [first?.kind ?? '', who].filter((part) => part !== '').join(' · '),
      `out ${total('sent')} · in ${total('received')}`,
    ],
  };
}

function activeLine(
  port: SeenActivePort,
  from: WiringBox,
  startY: number,
  endY: number,
  rates: ActiveRates,
): WiringLine {
  const rate = rates.get(activeKey(port));
  const [startX, endX] = [from.x, COLUMN.monitor + BOX_WIDTH];
  const bend = (startX - STRAIGHT_X) / 2;
  return {
    id: `a ${activeKey(port)}`,
    kind: 'active',
    path: `M${point(startX - 2, startY)} C${point(startX - bend, startY)} ${point(STRAIGHT_X + bend, endY)} ${point(STRAIGHT_X, endY)} L${point(endX + 2, endY)}`,
    label: { x: (STRAIGHT_X + endX) / 2, y: endY - 7, anchor: 'middle' },
    what: `${port.port} of ${port.instrument} through ${port.device}`,
    rate: undefined,
    active: { port, rate, words: activeWords(port, rate) },
    idle: !port.up || from.condition === 'idle',
  };
}
