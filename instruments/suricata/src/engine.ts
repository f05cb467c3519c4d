import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { askSuricata } from './command-socket.ts';
import type { Layout } from './layout.ts';
import type { Ruleset } from './rule-files.ts';
import { startSuricata, type EngineLine, type Exit, type SuricataProcess } from './suricata-process.ts';

/** What the engine needs to know. */
export interface EngineParts {
  layout: Layout;
  interfaces: readonly string[];
  onLine(line: EngineLine): void;
  /** Suricata ended although nobody told it to. */
  onCrash(exit: Exit): void;
}

const StatsSchema = z
  .array(
    z.object({
      rules_loaded: z.int(),
      rules_failed: z.int(),
      rules_skipped: z.int().default(0),
    }),
  )
  .min(1);

/** When the rules were read last, to the microsecond. */
const ReloadTimeSchema = z.array(z.object({ last_reload: z.string() })).min(1);

/** What Suricata says of its rules. */
export interface RulesetStats {
  lastReload: string;
  loaded: number;
  failed: number;
  skipped: number;
}

/** Suricata wants to read large rulesets in peace. */
const START_MS = 900_000;
const RELOAD_MS = 900_000;
const POLL_MS = 50;

/**
 * The running Suricata.
 *
 * INVARIANTS: at most one process; `start`, `stop`, `reload` do not overlap (the owner serialises them); `capturing` is true
 * only while every interface is captured from.
 */
export class Engine {
  readonly #parts: EngineParts;
  #process: SuricataProcess | undefined;
  #expected = false;
  #capturing = false;
  #reloading = false;

  constructor(parts: EngineParts) {
    this.#parts = parts;
  }

  get capturing(): boolean {
    return this.#capturing;
  }

  /** True while Suricata reads rules: it answers no other command then. */
  get reloading(): boolean {
    return this.#reloading;
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Starts Suricata and resolves when it captures from every interface. Rejects when it ends before, or takes too long. */
  async start(signal: AbortSignal): Promise<void> {
    const { layout } = this.#parts;
    await rm(layout.commandSocket, { force: true });
    this.#expected = false;
    const seen = { started: false };
    const process = startSuricata({
      program: layout.program,
      args: ['-c', layout.configPath, '--af-packet'],
      onLine: (line) => {
        if (line.message.includes('Engine started')) seen.started = true;
        this.#parts.onLine(line);
      },
    });
    this.#process = process;
    const gone = new AbortController();
    void process.exited.then((how) => {
      gone.abort(new Error(`Suricata ended while starting: ${describeExit(how)}`));
      const wasCapturing = this.#capturing;
      this.#capturing = false;
      if (!this.#expected && wasCapturing) this.#parts.onCrash(how);
    });
    const stop = AbortSignal.any([signal, gone.signal]);
    const deadline = performance.now() + START_MS;
    while (!(seen.started && (await this.#answersForAll()))) {
      stop.throwIfAborted();
      if (performance.now() > deadline)
        throw new Error(`Suricata did not start within ${String(START_MS / 1000)} s`);
      await sleep(POLL_MS);
    }
    this.#capturing = true;
  }

  /** Lets Suricata write out its flows and end; killed after `graceMs`. */
  async stop(graceMs: number): Promise<Exit | undefined> {
    this.#expected = true;
    const exit = await this.#process?.stop(graceMs);
    this.#process = undefined;
    return exit;
  }

  async ask(
    command: string,
    args: Readonly<Record<string, string>> = {},
    timeoutMs = 3_000,
  ): Promise<unknown> {
    return askSuricata(this.#parts.layout.commandSocket, command, args, timeoutMs);
  }

  async rulesetStats(): Promise<RulesetStats> {
    const [stats] = StatsSchema.parse(await this.ask('ruleset-stats'));
    const [time] = ReloadTimeSchema.parse(await this.ask('ruleset-reload-time'));
    if (stats === undefined) throw new Error('Suricata has no detection engine');
    return {
      lastReload: time?.last_reload ?? '',
      loaded: stats.rules_loaded,
      failed: stats.rules_failed,
      skipped: stats.rules_skipped,
    };
  }

  /**
   * Lets Suricata read configuration and rules again while it goes on capturing. Its reply says "done" also when it kept the
   * old rules, so what it then says of its rules is compared.
   */
  async reload(ruleset: Ruleset): Promise<void> {
    const before = await this.rulesetStats();
    this.#reloading = true;
    try {
      await this.ask('ruleset-reload-rules', {}, RELOAD_MS);
    } finally {
      this.#reloading = false;
    }
    const after = await this.rulesetStats();
    if (after.lastReload === before.lastReload) throw new Error('the reload did not take place');
    if (after.failed > 0 || after.loaded + after.skipped !== ruleset.ruleCount) {
      throw new Error(
        `${String(after.loaded)} of ${String(ruleset.ruleCount)} rules were loaded, ${String(after.failed)} failed`,
      );
    }
  }

  async #answersForAll(): Promise<boolean> {
    try {
      for (const name of this.#parts.interfaces) await this.ask('iface-stat', { iface: name }, 1_000);
      return true;
    } catch {
      return false; // the socket is not there yet
    }
  }
}

/** How a process ended, in words. */
export function describeExit(exit: Exit): string {
  return exit.signal === null ? `exit ${String(exit.code)}` : exit.signal;
}
