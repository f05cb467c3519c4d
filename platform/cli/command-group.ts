import type { Command } from 'commander';
import type { SensorClient } from './client.ts';

/** Options that every command has. */
export interface GlobalOptions {
  /** Where sensord listens. */
  socket: string;
  /** Print JSON: one object, or one per line. */
  json?: boolean;
}

/**
 * What a command does. Its arguments and its own options follow as commander hands them over.
 * @returns the exit code; it prints to standard output and throws BulkheadError for `main` to report.
 */
export type CommandWork = (client: SensorClient, options: GlobalOptions, ...rest: never[]) => Promise<number>;

/** Where a group of commands is added. */
export interface CommandParts {
  program: Command;
  /** Turns the work into commander's action: opens a client, keeps the exit code, closes the client. */
  action: (work: CommandWork) => (...args: unknown[]) => Promise<void>;
}

/** Adds commands of one topic to the program. */
export type CommandGroup = (parts: CommandParts) => void;

/** The command that holds others of one topic (`bulkhead events …`); made by whoever asks first. */
export function topic(program: Command, name: string, description: string): Command {
  return (
    program.commands.find((command) => command.name() === name) ??
    program.command(name).description(description)
  );
}
