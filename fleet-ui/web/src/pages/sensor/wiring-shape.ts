import type { SeenActivePort } from '@bulkhead/fleet-api';
import type { ActiveRate } from './active-rates.ts';
import type { StageRate } from './ledger-rates.ts';

export const BOX_WIDTH = 212;
export const BOX_HEIGHT = 74;
export const GAP = 22;
export const TOP = 34;
export const COLUMN = { monitor: 8, engine: 330, instrument: 640, bus: 910 } as const;
export const PICTURE_WIDTH = 1000;
export const BUS_WIDTH = 82;

export type Condition = 'good' | 'warn' | 'bad' | 'idle';

/** A thing in the picture: a monitor interface, the capture engine, an instrument, or what an instrument sends through. */
export interface WiringBox {
  kind: 'monitor' | 'engine' | 'instrument' | 'active';
  name: string;
  x: number;
  y: number;
  height: number;
  condition: Condition;
  /** Two short lines under the name. */
  lines: readonly [string, string];
}

/** A way on which packets or events pass; on an active one, in both directions. */
export interface WiringLine {
  id: string;
  kind: 'packets' | 'bus' | 'active';
  /** An SVG path. */
  path: string;
  /** Where its words stand, and how they are set there. */
  label: { x: number; y: number; anchor: 'start' | 'middle' | 'end' };
  /** For who hears the picture: `copies from span-a to suricata`. */
  what: string;
  rate: StageRate | undefined;
  /** What passes an active interface, and the same in words. */
  active?: { port: SeenActivePort; rate: ActiveRate | undefined; words: string };
  /** Nothing can pass: one of the ends is down. */
  idle: boolean;
}

export interface WiringPicture {
  height: number;
  boxes: WiringBox[];
  lines: WiringLine[];
  bus: { y: number; height: number; condition: Condition };
  /** Where the caption of the active interfaces stands; undefined: there is none. */
  activeY: number | undefined;
}

/** A place in a path. */
export function point(x: number, y: number): string {
  return `${String(Math.round(x))} ${String(Math.round(y))}`;
}
