const UNITS: readonly [number, string][] = [
  [86_400, 'd'],
  [3_600, 'h'],
  [60, 'min'],
  [1, 's'],
];

/** A length of time in its one or two largest units: `3 d 4 h`, `12 min`, `5 s`. */
export function durationWords(seconds: number): string {
  if (!Number.isFinite(seconds)) return 'unknown';
  const whole = Math.max(0, Math.round(seconds));
  const index = UNITS.findIndex(([size]) => whole >= size);
  if (index === -1) return '0 s';
  const [size, unit] = UNITS[index] ?? [1, 's'];
  const first = Math.floor(whole / size);
  const next = UNITS[index + 1];
  const second = next === undefined || index > 1 || first >= 10 ? 0 : Math.floor((whole % size) / next[0]);
  return `${String(first)} ${unit}${second > 0 && next !== undefined ? ` ${String(second)} ${next[1]}` : ''}`;
}

/** How long ago, or until when: `5 s ago`, `in 3 h`, `now`. */
export function relativeTime(time: string | number | undefined, nowMs: number): string {
  if (time === undefined) return 'never';
  const atMs = typeof time === 'number' ? time : Date.parse(time);
  if (Number.isNaN(atMs)) return 'unknown';
  const seconds = (nowMs - atMs) / 1000;
  if (Math.abs(seconds) < 2) return 'now';
  return seconds > 0 ? `${durationWords(seconds)} ago` : `in ${durationWords(-seconds)}`;
}

/** Date and time of the reader's own place and language, to the second. */
export function clockTime(time: string | number | undefined): string {
  if (time === undefined) return '';
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return String(time);
  return date.toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
}
