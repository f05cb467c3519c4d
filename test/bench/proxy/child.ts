import { createInterface } from 'node:readline';

/**
 * In a program of its own: it is told one line of JSON, does `work`, says one line of what came of it, and waits to be ended.
 */
export function mainOf(work: (told: never) => Promise<object>): void {
  const lines = createInterface({ input: process.stdin });
  // Whoever started it is gone: nobody would end it.
  lines.on('close', () => process.exit(0));
  lines.once('line', (line) => {
    work(JSON.parse(line) as never).then(
      (out) => process.stdout.write(`${JSON.stringify(out)}\n`),
      (error: unknown) => {
        process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
        process.exit(1);
      },
    );
  });
}
