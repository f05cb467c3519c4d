import type { DataStore } from '@bulkhead/fleet-api';

/** What the fleet itself keeps, measured now. */
export type FleetStores = () => Promise<DataStore[]>;

/** Which rows are asked for. */
export interface RowsAsked {
  text?: string | undefined;
  faults?: boolean;
  sort: 'place' | 'oldest' | 'size';
  limit: number;
  offset: number;
}

/** Those that fit, in order; the fleet's own first where nothing else decides. Pure. */
export function pageOfRows(
  rows: readonly DataStore[],
  { text, faults, sort, limit, offset }: RowsAsked,
): { stores: DataStore[]; total: number } {
  const wanted = text?.toLowerCase() ?? '';
  const fitting = rows.filter(
    (row) => (faults !== true || row.faults.length > 0) && (wanted === '' || wordsOf(row).includes(wanted)),
  );
  fitting.sort((a, b) => ORDERS[sort](a, b) || byPlace(a, b));
  return { stores: fitting.slice(offset, offset + limit), total: fitting.length };
}

const ORDERS: Readonly<Record<RowsAsked['sort'], (a: DataStore, b: DataStore) => number>> = {
  place: () => 0,
  oldest: (a, b) => timeOf(a) - timeOf(b),
  size: (a, b) => (b.bytes ?? -1) - (a.bytes ?? -1),
};

function byPlace(a: DataStore, b: DataStore): number {
  return (
    compare(a.sensorName ?? '', b.sensorName ?? '') ||
    compare(a.sensor ?? '', b.sensor ?? '') ||
    compare(a.copy, b.copy)
  );
}

/** What has no age comes last. */
function timeOf({ oldest }: DataStore): number {
  return oldest === undefined ? Number.MAX_SAFE_INTEGER : Date.parse(oldest);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function wordsOf({
  copy,
  kind,
  what,
  holder,
  policy,
  readers,
  goesTo,
  sensorName = 'fleet',
}: DataStore): string {
  return [copy, kind, what, holder, policy, sensorName, ...readers, ...goesTo].join('\n').toLowerCase();
}
