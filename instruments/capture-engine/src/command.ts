import { execFile } from 'node:child_process';

const TIMEOUT_MS = 10_000;
const MAX_OUTPUT = 1 << 20;

/**
 * Runs a program without a shell; resolves with its standard output.
 * @throws Error with the program's own words
 */
export async function runProgram(
  program: string,
  args: readonly string[],
  input = '',
  maxOutput = MAX_OUTPUT,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      program,
      [...args],
      { timeout: TIMEOUT_MS, killSignal: 'SIGKILL', maxBuffer: maxOutput },
      (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else
          reject(
            new Error(`${program} ${args.join(' ')}: ${stderr.trim() || error.message}`, { cause: error }),
          );
      },
    );
    child.stdin?.on('error', () => undefined); // it ended without reading; its exit status says why
    child.stdin?.end(input);
  });
}
