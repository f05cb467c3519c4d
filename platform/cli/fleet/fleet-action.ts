import { BulkheadError } from '../../kernel/index.ts';
import type { CommandParts, GlobalOptions } from '../command-group.ts';
import { fleetClient, type FleetClient } from './fleet-client.ts';
import { readLogin } from './login-file.ts';

/** What a command does at the fleet. Its arguments and its own options follow. @returns the exit code */
export type FleetWork = (fleet: FleetClient, options: GlobalOptions, ...rest: never[]) => Promise<number>;

/** Turns work at the fleet into an action: reads who is logged in, opens a client, closes it. */
export type FleetAction = (work: FleetWork) => (...args: unknown[]) => Promise<void>;

export function fleetAction(action: CommandParts['action']): FleetAction {
  return (work) =>
    action(async (_sensor, options, ...rest: never[]) => {
      const fleet = fleetClient(await readLogin());
      try {
        return await work(fleet, options, ...rest);
      } finally {
        await fleet.close();
      }
    });
}

/** Prints one answer: JSON for programs as it came, else the text. */
export function print(options: GlobalOptions, value: unknown, text: string | (() => string)): void {
  if (options.json === true) process.stdout.write(`${JSON.stringify(value)}\n`);
  else process.stdout.write(typeof text === 'string' ? text : text());
}

/** @throws BulkheadError CLI_USAGE unless it is a whole number within the bounds */
export function wholeNumber(text: string, what: string, least = 1, most = 999_999_999): number {
  const value = /^[0-9]{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw usage(`${what} must be a whole number from ${String(least)} to ${String(most)}.`);
}

/** What cannot be undone is done only with `--yes`. @param loses what will be lost, as a sentence */
export function confirmed(yes: boolean | undefined, loses: string): void {
  if (yes !== true) throw usage(`${loses} Nothing was done.`, 'Give --yes to do it.');
}

export function usage(message: string, hint = 'See `bulkhead fleet --help`.'): BulkheadError {
  return new BulkheadError({ code: 'CLI_USAGE', message, hint });
}

/** Text that came from elsewhere, on one line and without what steers a terminal. */
export function plain(text: string | undefined, most = 200): string {
  const line = (text ?? '').replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ');
  return line.length > most ? `${line.slice(0, most - 3)}...` : line;
}

/** A time for people, to the second. */
export function moment(time: string | null | undefined): string {
  return time === null || time === undefined ? '-' : plain(time.replace(/\.\d+Z$/, 'Z'), 40);
}
