import type { AnyDocument, Origin, Scope } from '../../src/api-types.ts';

const UNITS: readonly (readonly [Intl.RelativeTimeFormatUnit, number])[] = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
];
const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
const whole = new Intl.NumberFormat('en');
const dateTime = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });

/** `61,432` */
export function count(value: number): string {
  return whole.format(value);
}

/** `1 rule`, `2 rules` */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** `3 minutes ago`, `in 2 days` */
export function ago(time: string, nowMs = Date.now()): string {
  const seconds = (Date.parse(time) - nowMs) / 1000;
  if (Number.isNaN(seconds)) return time;
  for (const [unit, length] of UNITS) {
    if (Math.abs(seconds) >= length) return relative.format(Math.round(seconds / length), unit);
  }
  return seconds > 0 ? 'in less than a minute' : 'just now';
}

/** Date and time where the reader is. */
export function absolute(time: string): string {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? time : dateTime.format(date);
}

/** `12 s`, `2 min 5 s` */
export function duration(seconds: number): string {
  const all = Math.max(0, Math.round(seconds));
  return all < 60 ? `${String(all)} s` : `${String(Math.floor(all / 60))} min ${String(all % 60)} s`;
}

/** `every day`, `every 6 h`, `once` */
export function period(seconds: number): string {
  if (seconds === 0) return 'once';
  if (seconds % 86_400 === 0)
    return seconds === 86_400 ? 'every day' : `every ${String(seconds / 86_400)} days`;
  return seconds % 3_600 === 0 ? `every ${String(seconds / 3_600)} h` : `every ${duration(seconds)}`;
}

/** `4.2 MiB` */
export function size(bytes: number): string {
  if (bytes < 1024) return `${String(bytes)} B`;
  return bytes < 1 << 20 ? `${(bytes / 1024).toFixed(1)} KiB` : `${(bytes / (1 << 20)).toFixed(1)} MiB`;
}

/** First digits of an id or digest: enough to tell versions apart. */
export function short(id: string): string {
  return id.slice(0, 8);
}

/** Where something holds, in words. */
export function scopeText(scope: Scope): string {
  if ('group' in scope) return `group ${scope.group}`;
  if ('sensor' in scope) return `sensor ${scope.sensor}`;
  return 'address' in scope ? `address ${scope.address}` : 'all sensors';
}

type ShownOrigin = { type: Origin['type']; url?: string; file?: string; index?: string; entry?: string };

/** Where a source's rules come from, in words. */
export function originText(origin: ShownOrigin): string {
  switch (origin.type) {
    case 'url':
      return origin.url ?? '';
    case 'catalogue':
      return `${origin.entry ?? ''} of catalogue ${origin.index ?? ''}`;
    case 'index':
      return `catalogue at ${origin.url ?? ''}`;
    case 'index-file':
      return `catalogue in the file ${origin.file ?? ''}`;
    case 'file':
      return `file ${origin.file ?? ''}, placed by the operator`;
    case 'pasted':
      return 'pasted text';
  }
}

/** What a wish of a person does, in words. */
export function documentText(document: AnyDocument): string {
  switch (document.kind) {
    case 'rule': {
      const { enabled, text } = document.body;
      const words = [
        ...(enabled === undefined ? [] : [enabled ? 'switched on' : 'switched off']),
        ...(text === undefined ? [] : ['new text']),
      ];
      return words.join(', ');
    }
    case 'suppression': {
      const { action, addresses, track } = document.body;
      if (action.type === 'suppress') {
        const end = { by_src: 'from', by_dst: 'to', by_either: 'from or to' }[track];
        return addresses === undefined ? 'suppressed' : `suppressed ${end} ${addresses.join(', ')}`;
      }
      return limitText(action);
    }
    case 'variables':
      return 'variables';
    case 'source':
      return `source ${document.body.name}`;
  }
}

const PER: Readonly<Record<string, string>> = {
  by_src: 'source',
  by_dst: 'destination',
  by_both: 'pair',
  by_rule: 'rule',
};

/** `at most 5 in 60 s for each source` */
export function limitText(action: { type: string; count: number; seconds: number; per: string }): string {
  const per = `for each ${PER[action.per] ?? action.per}`;
  const within = `in ${duration(action.seconds)}`;
  if (action.type === 'limit') return `at most ${count(action.count)} ${within} ${per}`;
  if (action.type === 'threshold') return `one for every ${count(action.count)} ${within} ${per}`;
  return `one ${within} once there were ${count(action.count)}, ${per}`;
}

export const SEVERITIES: readonly (readonly [number, string])[] = [
  [1, '1 · high'],
  [2, '2 · medium'],
  [3, '3 · low'],
  [4, '4 · information'],
];

export function severityText(priority: number | undefined): string {
  if (priority === undefined) return '–';
  return SEVERITIES.find(([number]) => number === priority)?.[1] ?? String(priority);
}
