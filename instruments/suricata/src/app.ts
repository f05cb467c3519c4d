import { isDeepStrictEqual } from 'node:util';
import { LIMITS, type ChangeReply, type Health, type Instrument } from '@bulkhead/sdk';
import { readBudget, readMtu } from './budget.ts';
import { readCaptureCounters } from './capture-counters.ts';
import { Engine, describeExit } from './engine.ts';
import { LineSplitter } from './eve-lines.ts';
import { EvePipe } from './eve-pipe.ts';
import { EvePublisher } from './eve-publisher.ts';
import { Exclusive } from './exclusive.ts';
import { keptData, NO_PERSONAL_DATA } from './kept-data.ts';
import { HealthJudge } from './health.ts';
import { layOut, prepareFolders, type Layout } from './layout.ts';
import { OptionsSchema, type Options } from './options.ts';
import { answerRulesets } from './ruleset-commands.ts';
import { RulesetKeeper, type Placed, type Progress, type Wanted } from './ruleset-keeper.ts';
import { RuleRefusal } from './rule-refusal.ts';

/** Where the app's own files are and which Suricata is run. */
export interface AppPlaces {
  filesDir: string;
  program?: string;
}

/** 60,000 rules take a minute and a half of one processor. */
const TEST_TIMEOUT_MS = 900_000;
const COUNTERS_MS = 1_000;
/** The sdk gives each piece of stop work 5 s; Suricata gets two such turns. */
const STOP_MS = 9_000;

/** Options that Suricata reads again with its rules; the others need a new process. */
const RELOADABLE: ReadonlySet<keyof Options> = new Set([
  'homeNet',
  'addressGroups',
  'portGroups',
  'starterRules',
  'managedRules',
]);

/**
 * Suricata as an instrument: rules in, EVE out, health.
 *
 * INVARIANTS: whatever changes rules or the process runs through `#work`, one at a time; records are published by the pipe's
 * reader only; Suricata's unexpected end ends the instrument with an error, and the platform starts it again.
 */
export class SuricataApp {
  readonly #instrument: Instrument;
  readonly #layout: Layout;
  readonly #interfaces: readonly string[];
  readonly #work = new Exclusive();
  readonly #judge = new HealthJudge();
  readonly #engine: Engine;
  readonly #publisher: EvePublisher;
  readonly #splitter: LineSplitter;
  #pipe: EvePipe | undefined;
  #keeper: RulesetKeeper | undefined;
  #options: Options;
  #placed: Placed | undefined;
  #starting = 'Rules are being tested.';
  #failed: string | undefined;
  #captured: { at: number; counters: Readonly<Record<string, number>> } = { at: -Infinity, counters: {} };
  #ended: ((code: number) => void) | undefined;

  constructor(instrument: Instrument, places: AppPlaces) {
    this.#instrument = instrument;
    this.#options = instrument.options(OptionsSchema);
    this.#interfaces = instrument.file.interfaces
      .filter((port) => port.kind === 'mirror')
      .map((port) => port.name);
    this.#layout = layOut({ ...instrument, filesDir: places.filesDir }, places.program);
    const allowed = new Set(instrument.file.publish);
    instrument.onRights(({ given, taken }) => {
      for (const type of given.publish) allowed.add(type);
      for (const type of taken.publish) allowed.delete(type);
      return undefined;
    });
    this.#publisher = new EvePublisher({
      publish: (type, line) => instrument.publishRaw(type, line),
      allowed,
      pause: () => this.#pipe?.pause(),
      resume: () => this.#pipe?.resume(),
      warn: (message, fields) => {
        instrument.log.warn(message, fields);
      },
    });
    this.#splitter = new LineSplitter(LIMITS.recordBytes - 1, (line) => {
      this.#publisher.take(line);
    });
    this.#engine = new Engine({
      layout: this.#layout,
      interfaces: this.#interfaces,
      onLine: (line) => {
        const level = line.level === 'warning' ? 'warn' : line.level === 'error' ? 'error' : 'info';
        instrument.log[level](line.message, { from: 'suricata' });
      },
      onCrash: (exit) => {
        this.#fail(`Suricata ended: ${describeExit(exit)}`);
      },
    });
  }

  /** Runs until the instrument stops; resolves with the exit status for the process. */
  async run(): Promise<number> {
    const { log, stopping } = this.#instrument;
    const ended = new Promise<number>((resolve) => {
      this.#ended = resolve;
    });
    this.#answer();
    const ticker = setInterval(() => {
      this.#publisher.tick();
    }, 1_000);
    try {
      await this.#work.run(() => this.#start());
    } catch (error) {
      if (!stopping.aborted) this.#fail(error instanceof Error ? error.message : String(error));
    }
    if (this.#failed === undefined) log.info('Suricata captures', { interfaces: this.#interfaces });
    const code = await ended;
    clearInterval(ticker);
    return code;
  }

  async #start(): Promise<void> {
    const { log, stopping } = this.#instrument;
    if (this.#interfaces.length === 0) throw new Error('no mirror port is wired to this instrument');
    await prepareFolders(this.#layout);
    this.#keeper = new RulesetKeeper({
      layout: this.#layout,
      interfaces: await Promise.all(
        this.#interfaces.map(async (name) => ({ name, mtu: await readMtu(name) })),
      ),
      budget: await readBudget(),
      testTimeoutMs: TEST_TIMEOUT_MS,
      signal: stopping,
    });
    this.#placed = await this.#keeper.placeFirst(this.#options);
    const { refusal, source, ruleset } = this.#placed;
    if (refusal !== undefined) log.error(refusal.message, { code: refusal.code, running: source });
    log.info('rules are placed', { source, rules: ruleset.ruleCount });
    this.#pipe = await EvePipe.create(this.#layout.evePath, (chunk) => {
      this.#splitter.push(chunk);
    });
    this.#starting = 'Suricata is starting.';
    stopping.throwIfAborted();
    await this.#engine.start(stopping);
  }

  #answer(): void {
    this.#instrument.health(() => this.#report());
    this.#instrument.onResources(() => this.#takeResources());
    this.#instrument.onRetention(() => keptData(this.#layout.lastGoodPath));
    this.#instrument.onData(NO_PERSONAL_DATA);
    this.#instrument.onConfigure((wanted) => this.#configure(wanted));
    answerRulesets({
      instrument: this.#instrument,
      work: this.#work,
      engine: this.#engine,
      keeper: () => this.#keeper,
      options: () => this.#options,
      placed: () => this.#placed,
      apply: (managed, progress, reloading) =>
        this.#replace({ options: this.#options, managed }, { progress, reloading }),
    });
    // Added last, so run first; the second turn gives the same stop more time.
    const stopped = { done: undefined as Promise<void> | undefined };
    const stop = (): Promise<void> => (stopped.done ??= this.#stop());
    this.#instrument.onStop(stop);
    this.#instrument.onStop(stop);
  }

  /** New options: checked, tested with the rules, then reloaded or, where Suricata cannot, restarted. */
  async #configure(wanted: unknown): Promise<ChangeReply> {
    const parsed = OptionsSchema.safeParse(wanted);
    if (!parsed.success) {
      const issue = parsed.error.issues[0];
      const place = `/${(issue?.path ?? []).map(String).join('/')}`;
      return {
        ok: false,
        code: 'SURICATA_OPTIONS_INVALID',
        message: `${place}: ${issue?.message ?? 'is not valid'}`,
      };
    }
    return this.#work.run(() => this.#change(parsed.data));
  }

  /** Files below `resources/` are others. Those of managed rulesets are named in orders, and change nothing by being there. */
  async #takeResources(): Promise<ChangeReply> {
    if (this.#placed?.refusal === undefined && (await this.#keeper?.unchanged()) === true) {
      return { ok: true, detail: 'unchanged' };
    }
    return this.#work.run(() => this.#change(this.#options));
  }

  async #change(options: Options): Promise<ChangeReply> {
    if (this.#keeper === undefined || !this.#engine.capturing) {
      return { ok: false, code: 'SURICATA_NOT_READY', message: 'Suricata does not run yet; try again.' };
    }
    const changed = (Object.keys(options) as (keyof Options)[]).filter(
      (name) => !isDeepStrictEqual(options[name], this.#options[name]),
    );
    const restart = changed.some((name) => !RELOADABLE.has(name));
    try {
      await this.#replace({ options, managed: this.#keeper.managed }, { restart });
      const rules = this.#placed?.ruleset.ruleCount ?? 0;
      return { ok: true, detail: restart ? 'restarted' : 'reloaded', counters: { rules } };
    } catch (error) {
      if (!(error instanceof RuleRefusal)) throw error;
      this.#instrument.log.error(error.message, { code: error.code });
      if (this.#placed !== undefined) this.#placed = { ...this.#placed, refusal: error };
      return { ok: false, code: error.code, message: error.message };
    }
  }

  /** Tests and makes live. @throws RuleRefusal what ran before goes on */
  async #replace(
    wanted: Wanted,
    how: { restart?: boolean; progress?: Progress; reloading?: () => void },
  ): Promise<void> {
    if (this.#keeper === undefined) throw new Error('rules are not kept yet');
    const { restart = false, progress, reloading } = how;
    const ruleset = await this.#keeper.replace(
      wanted,
      async (rules) => {
        reloading?.();
        if (!restart) return this.#engine.reload(rules);
        await this.#engine.stop(STOP_MS);
        await this.#engine.start(this.#instrument.stopping);
      },
      { always: restart, ...(progress && { progress }) },
    );
    this.#options = wanted.options;
    this.#placed = { source: 'wanted', ruleset };
    this.#captured = { at: -Infinity, counters: {} };
  }

  async #report(): Promise<Health> {
    return this.#judge.judge({
      capturing: this.#engine.capturing,
      starting: this.#starting,
      failed: this.#failed,
      refusal: this.#placed?.refusal?.message,
      placedRules: this.#placed?.ruleset.ruleCount,
      shedding: this.#publisher.shedding,
      checksums: this.#options.checksums,
      counters: await this.#counters(),
    });
  }

  async #counters(): Promise<Record<string, number>> {
    const { capturing, reloading } = this.#engine;
    if (capturing && !reloading && performance.now() - this.#captured.at > COUNTERS_MS) {
      this.#captured = {
        at: performance.now(),
        counters: { ...this.#captured.counters, ...(await this.#askCounters()) },
      };
    }
    const bus = this.#instrument.counters();
    const sinceS = Math.floor(Date.parse(this.#keeper?.since ?? '') / 1000);
    const eve = Object.entries(this.#publisher.counters).map(
      ([name, value]) => [`eve.${snake(name)}`, value] as const,
    );
    return {
      ...this.#captured.counters,
      ...Object.fromEntries(eve),
      ...(Number.isNaN(sinceS) ? {} : { 'rules.since_s': sinceS }),
      'eve.oversize': this.#splitter.counters.oversize,
      'bus.waiting': bus.waiting,
      'bus.resent': bus.resent,
    };
  }

  /** What Suricata counts; without an answer (it is reading rules, or has not counted yet) the last values stay. */
  async #askCounters(): Promise<Record<string, number>> {
    const rules = await this.#engine.rulesetStats().catch(() => undefined);
    const dump = rules && (await this.#engine.ask('dump-counters').catch(() => undefined));
    return {
      ...(rules && {
        'rules.loaded': rules.loaded,
        'rules.failed': rules.failed,
        'rules.skipped': rules.skipped,
      }),
      ...(dump === undefined ? {} : readCaptureCounters(dump)),
    };
  }

  /** Suricata writes out its flows, the pipe is read to its end; then the sdk flushes and leaves the bus. */
  async #stop(): Promise<void> {
    this.#publisher.hurry();
    await this.#engine.stop(STOP_MS);
    await this.#pipe?.finish();
    this.#splitter.end();
    this.#ended?.(0);
  }

  #fail(why: string): void {
    if (this.#instrument.stopping.aborted) return;
    this.#failed = why;
    this.#instrument.log.error(why);
    this.#ended?.(1);
  }
}

function snake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
