import type { SeenInstrument } from '@bulkhead/fleet-api';

const STATES: Readonly<Record<string, string>> = {
  running: 'It runs and is connected.',
  starting: 'It is being started, or runs and is not connected yet.',
  stopped: 'It is stopped.',
  waiting: 'It failed and is started again after a pause.',
  held: 'It failed too often and is held until somebody starts it again.',
  disabled: 'The configuration says that it is not to run.',
  invalid: 'Its part of the configuration cannot be used.',
};

/** What a state means, for who sees the word for the first time. */
export function stateWords({ state, health }: Pick<SeenInstrument, 'state' | 'health'>): string {
  const words = STATES[state] ?? `The sensor calls its state “${state}”.`;
  return state === 'running' && health !== 'ok' ? `${words} It says of itself: ${health}.` : words;
}

/** `alerts.recorded` → `alerts recorded`. */
export function counterName(name: string): string {
  return name.replaceAll(/[._]/g, ' ');
}
