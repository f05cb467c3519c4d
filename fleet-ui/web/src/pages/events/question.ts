import type { EventQuestion } from '../../api/events.ts';

/** What stands in the address of the page. */
export interface EventSearch {
  text?: string | undefined;
  sensor?: string | undefined;
  instrument?: string | undefined;
  type?: string | undefined;
  severity?: string | undefined;
  address?: string | undefined;
  name?: string | undefined;
  signature?: string | undefined;
  flow?: string | undefined;
  handled?: string | undefined;
  owner?: string | undefined;
  suppressed?: string | undefined;
  range?: string | undefined;
  since?: string | undefined;
  until?: string | undefined;
  /** Id of the event that is shown, and whether it is to be explained. */
  show?: string | undefined;
  guide?: string | undefined;
}

export const RANGES: readonly { value: string; label: string; seconds: number }[] = [
  { value: '1h', label: 'Last hour', seconds: 3_600 },
  { value: '24h', label: 'Last 24 hours', seconds: 86_400 },
  { value: '7d', label: 'Last 7 days', seconds: 604_800 },
  { value: '30d', label: 'Last 30 days', seconds: 2_592_000 },
  { value: 'all', label: 'Everything kept', seconds: Infinity },
];
export const DEFAULT_RANGE = '24h';
const MINUTE_MS = 60_000;

/**
 * The question that an address asks. Times that are relative begin at a whole minute, so that the same address asks the same for
 * a while and answers can be kept. Pure.
 */
export function questionOf(search: EventSearch, nowMs: number): EventQuestion {
  const {
    sensor,
    instrument,
    type,
    range = DEFAULT_RANGE,
    since,
    until,
    show: _show,
    guide: _guide,
    ...rest
  } = search;
  const seconds = RANGES.find(({ value }) => value === range)?.seconds ?? 86_400;
  const relative =
    seconds === Infinity
      ? undefined
      : new Date(Math.floor(nowMs / MINUTE_MS) * MINUTE_MS - seconds * 1000).toISOString();
  return {
    ...rest,
    sensors: sensor,
    instruments: instrument,
    types: type,
    since: since ?? (until === undefined ? relative : undefined),
    until,
  };
}

/** The part of an address that a saved view keeps: what is searched for, and not which event is open. Pure. */
export function savedSearch({ show: _show, guide: _guide, ...search }: EventSearch): EventSearch {
  return Object.fromEntries(
    Object.entries(search).filter(([, value]) => value !== undefined && value !== ''),
  );
}

/** Adds a value to a list of values, or takes it out: `a,b` with `b` is `a`. Pure. */
export function toggled(list: string | undefined, value: string): string | undefined {
  const values = (list ?? '').split(',').filter((one) => one !== '');
  const next = values.includes(value) ? values.filter((one) => one !== value) : [...values, value];
  return next.length === 0 ? undefined : next.join(',');
}
