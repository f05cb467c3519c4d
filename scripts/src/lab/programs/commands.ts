import { createInterface } from 'node:readline';

/** A command of the lab, one JSON object per line on standard input. */
export interface Command {
  id: number;
  do: string;
  kind?: string;
}

/** Says one JSON object to the lab. */
export function say(values: Record<string, unknown>): void {
  process.stdout.write(`${JSON.stringify(values)}\n`);
}

/** Hands each command to `handle` and answers with its outcome; ends the program when the lab closes the pipe. */
export function listenForCommands(handle: (command: Command) => Promise<void> | void): void {
  const lines = createInterface({ input: process.stdin });
  lines.on('line', (line) => {
    const command = JSON.parse(line) as Command;
    Promise.resolve()
      .then(() => handle(command))
      .then(
        () => {
          say({ done: command.id });
        },
        (error: unknown) => {
          say({ failed: command.id, text: error instanceof Error ? error.message : String(error) });
        },
      );
  });
  lines.on('close', () => process.exit(0));
}
