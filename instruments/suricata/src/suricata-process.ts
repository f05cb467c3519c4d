import { spawn, type ChildProcess } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { LineSplitter } from './eve-lines.ts';

/** One line of Suricata's own log (console output of type json). */
export interface EngineLine {
  level: 'error' | 'warning' | 'notice' | 'info';
  message: string;
}

/** How Suricata ended. */
export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** How to run it. */
export interface SpawnOptions {
  program: string;
  args: readonly string[];
  onLine(line: EngineLine): void;
  /** 0..1000; 1000 = the first to go when the container's memory is full. */
  oomScoreAdj?: number;
}

/** A running Suricata, or a test of rules. */
export interface SuricataProcess {
  readonly pid: number;
  readonly exited: Promise<Exit>;
  /** SIGTERM, and SIGKILL when it is still there after `graceMs`. Resolves when it is gone. */
  stop(graceMs: number): Promise<Exit>;
}

/**
 * Starts Suricata in a process group of its own: the image's init passes a stop to the whole group of the instrument, and
 * Suricata must end when the instrument has said so, not before its records can be read.
 */
export function startSuricata(options: SpawnOptions): SuricataProcess {
  const child = spawn(options.program, [...options.args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8', HOME: '/tmp' },
  });
  const exited = new Promise<Exit>((resolve) => {
    child.once('error', (error) => {
      options.onLine({ level: 'error', message: `${options.program} cannot be started: ${error.message}` });
      resolve({ code: 127, signal: null });
    });
    child.once('close', (code, signal) => {
      resolve({ code, signal });
    });
  });
  for (const stream of [child.stdout, child.stderr]) {
    const lines = new LineSplitter(65_536, (line) => {
      options.onLine(parseEngineLine(line.toString('utf8')));
    });
    stream.on('data', (chunk: Buffer) => {
      lines.push(chunk);
    });
  }
  if (options.oomScoreAdj !== undefined && child.pid !== undefined)
    preferForOom(child.pid, options.oomScoreAdj);
  return { pid: child.pid ?? -1, exited, stop: (graceMs) => stop(child, exited, graceMs) };
}

/** Parses `{"log_level": "Error", "engine": {"message": ...}}`; anything else is a message of level info. */
export function parseEngineLine(text: string): EngineLine {
  try {
    const line = JSON.parse(text) as { log_level?: unknown; engine?: { message?: unknown } };
    const level = typeof line.log_level === 'string' ? line.log_level.toLowerCase() : 'info';
    if (typeof line.engine?.message === 'string') {
      return {
        level: level === 'error' || level === 'warning' || level === 'notice' ? level : 'info',
        message: line.engine.message,
      };
    }
  } catch {
    // a library's own message (libmagic writes plain text)
  }
  return { level: 'info', message: text };
}

/** Raising one's own score needs no right; failing to is no reason to stop. */
function preferForOom(pid: number, score: number): void {
  void writeFile(`/proc/${String(pid)}/oom_score_adj`, String(score)).catch(() => undefined);
}

async function stop(child: ChildProcess, exited: Promise<Exit>, graceMs: number): Promise<Exit> {
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
  try {
    return await exited;
  } finally {
    clearTimeout(timer);
  }
}
