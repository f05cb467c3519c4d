import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir, open, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BulkheadError } from '@bulkhead/platform/kernel';

/** A sensord that this program started. */
export interface SensorProcess {
  readonly pid: number;
  readonly logFile: string;
  /** Resolves with what ended it; pending while it runs. */
  readonly ended: Promise<string>;
  /** Waits for its end; kills it after `graceMs`. */
  waitForEnd(graceMs: number): Promise<void>;
  /** Last lines of its log, for a failure's message. */
  logTail(lines: number): Promise<string>;
}

/**
 * Starts sensord in a session of its own, so that Ctrl-C reaches only us and we take it down in order.
 * @param args its command line; no secrets.
 */
export async function spawnSensord(
  bundle: string,
  args: readonly string[],
  logFile: string,
): Promise<SensorProcess> {
  await mkdir(dirname(logFile), { recursive: true, mode: 0o700 });
  const log = await open(logFile, 'w', 0o600);
  let child: ChildProcess;
  try {
    child = spawn(process.execPath, [bundle, ...args], { detached: true, stdio: ['ignore', log.fd, log.fd] });
  } finally {
    await log.close();
  }
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => {
      resolve(`could not be started: ${error.message}`);
    });
    child.once('exit', (code, signal) => {
      resolve(signal === null ? `ended with exit code ${String(code)}` : `was killed by ${signal}`);
    });
  });
  if (child.pid === undefined) {
    throw new BulkheadError({ code: 'START_SENSORD_FAILED', message: `sensord ${await ended}.` });
  }
  return {
    pid: child.pid,
    logFile,
    ended,
    waitForEnd: async (graceMs) => {
      const timedOut = await Promise.race([ended.then(() => false), sleep(graceMs, true, { ref: false })]);
      if (timedOut) child.kill('SIGKILL');
      await ended;
    },
    logTail: async (lines) =>
      (await readFile(logFile, 'utf8')).trimEnd().split('\n').slice(-lines).join('\n'),
  };
}
