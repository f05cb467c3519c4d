import type { EventSeverity } from '@bulkhead/fleet-api';

/** The worst first, each with its word, its colour and the tone of its badge. */
export const SEVERITIES: readonly {
  key: EventSeverity;
  label: string;
  colour: string;
  tone: 'bad' | 'warn' | 'accent' | 'idle';
}[] = [
  { key: 'high', label: 'high', colour: '--bh-bad', tone: 'bad' },
  { key: 'medium', label: 'medium', colour: '--bh-warn', tone: 'warn' },
  { key: 'low', label: 'low', colour: '--bh-link', tone: 'accent' },
  { key: 'info', label: 'no alert', colour: '--bh-line-strong', tone: 'idle' },
];
