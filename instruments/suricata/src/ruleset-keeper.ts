import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MAX_CAPTURE_BYTES, type RulesetFile } from '@bulkhead/sdk';
import type { Budget } from './budget.ts';
import { renderConfig, type CaptureInterface } from './config.ts';
import { managedPart, readLastGood, writeLastGood, type LastGood } from './last-good.ts';
import type { Layout } from './layout.ts';
import type { ManagedRuleset } from './managed-ruleset.ts';
import { withVariables, type Options } from './options.ts';
import { copyDelivered } from './resource-file.ts';
import { composeRuleset, readOperatorRules, readOwnRules, writeRuleset, type Ruleset } from './rule-files.ts';
import { RuleRefusal } from './rule-refusal.ts';
import { testRules, type AlertCount } from './rule-test.ts';

/** Which rules are placed, and why not the wanted ones. */
export interface Placed {
  /**
   * `wanted`: resources, managed ruleset and options as they are; `last-good`: what ran before; `own`: only what comes with
   * the app.
   */
  source: 'wanted' | 'last-good' | 'own';
  ruleset: Ruleset;
  refusal?: RuleRefusal;
}

/** What the keeper needs to know. */
export interface KeeperParts {
  layout: Layout;
  interfaces: readonly CaptureInterface[];
  budget: Budget;
  testTimeoutMs: number;
  signal: AbortSignal;
}

/** What is wanted to run. */
export interface Wanted {
  options: Options;
  managed: ManagedRuleset | undefined;
}

/** What happens on the way; for whoever shows it. */
export interface Progress {
  counted?(ruleCount: number): void;
  tested?(seconds: number): void;
}

/** A candidate that passed its test and lies beside the running rules. */
interface Candidate {
  ruleset: Ruleset;
  tested: string;
  rulesDir: string;
}

/** Digests of tested candidates that are remembered. */
const MAX_TESTED = 16;
/** Reading a capture, beyond loading the rules. */
const CAPTURE_MS = 120_000;

/**
 * Puts rules and configuration where Suricata reads them, never untested.
 *
 * INVARIANTS: calls do not overlap (the owner serialises them), but for `unchanged`; `suricata.yaml` names a generation of
 * rules that passed its test with that same configuration; a refused candidate leaves nothing behind.
 */
export class RulesetKeeper {
  readonly #parts: KeeperParts;
  readonly #tested = new Set<string>();
  #generation = 0;
  #current: Candidate | undefined;
  #operatorDigest = '';
  #managed: ManagedRuleset | undefined;
  #inForce: { digest: string; since: string } | undefined;

  constructor(parts: KeeperParts) {
    this.#parts = parts;
  }

  /** The managed ruleset that was applied last; it is wanted until another one is. */
  get managed(): ManagedRuleset | undefined {
    return this.#managed;
  }

  /** Since when the rules in force have not changed, also over restarts; undefined: they are not the wanted ones. */
  get since(): string | undefined {
    return this.#inForce?.since;
  }

  /** Before Suricata starts: the wanted rules, else the last good ones, else our own. Always places something. */
  async placeFirst(options: Options): Promise<Placed> {
    const lastGood = await readLastGood(this.#parts.layout.lastGoodPath);
    if (lastGood !== undefined) {
      this.#tested.add(lastGood.tested);
      this.#managed = managedPart(lastGood);
      const since = lastGood.since ?? lastGood.managed?.appliedAt;
      if (since !== undefined) this.#inForce = { digest: lastGood.digest, since };
    }
    let refusal: RuleRefusal;
    try {
      const wanted = { options, managed: this.#managed };
      const candidate = await this.#candidate(await this.#compose(wanted), options);
      await this.#activate(candidate, options);
      await this.#remember(candidate);
      return { source: 'wanted', ruleset: candidate.ruleset };
    } catch (error) {
      if (!(error instanceof RuleRefusal)) throw error;
      refusal = error;
    }
    const own = await readOwnRules(join(this.#parts.layout.filesDir, 'rules'), true);
    for (const [source, build] of [
      ['last-good', () => (lastGood === undefined ? undefined : withReserved(lastGood, own))],
      ['own', () => composeRuleset(own, new Map())],
    ] as const) {
      try {
        const ruleset = build();
        if (ruleset === undefined) continue;
        const candidate = await this.#candidate(ruleset, options);
        await this.#activate(candidate, options);
        if (source === 'own') this.#inForce = undefined;
        return { source, ruleset, refusal };
      } catch (error) {
        if (!(error instanceof RuleRefusal)) throw error;
      }
    }
    throw refusal;
  }

  /** Whether the operator's files are those of the running rules. May be called at any time. */
  async unchanged(): Promise<boolean> {
    const files = await readOperatorRules(this.#parts.layout.resourcesDir).catch(() => undefined);
    return files !== undefined && digestOf(files) === this.#operatorDigest;
  }

  /**
   * Tests what is wanted, and tries it on a delivered capture, without placing it.
   * @returns what the rules said about the capture; undefined = there is none
   * @throws RuleRefusal
   */
  async test(wanted: Wanted, capture?: RulesetFile, progress?: Progress): Promise<AlertCount[] | undefined> {
    const ruleset = await this.#compose(wanted);
    progress?.counted?.(ruleset.ruleCount);
    const { rulesDir, alerts } = await this.#candidate(ruleset, wanted.options, progress, capture);
    await rm(rulesDir, { recursive: true, force: true });
    return alerts;
  }

  /**
   * While Suricata runs: tests what is wanted, places it, lets `reload` make it live, and keeps it as the last good ruleset.
   * When the reload fails, what ran before is placed and made live again. What is live already is left as it is, unless
   * `always`.
   * @throws RuleRefusal what ran before goes on
   */
  async replace(
    wanted: Wanted,
    reload: (ruleset: Ruleset) => Promise<void>,
    { always = false, progress }: { always?: boolean; progress?: Progress } = {},
  ): Promise<Ruleset> {
    const composed = await this.#compose(wanted);
    progress?.counted?.(composed.ruleCount);
    const candidate = await this.#candidate(composed, wanted.options, progress);
    const before = this.#current;
    const configBefore = await readFile(this.#parts.layout.configPath, 'utf8');
    if (before?.tested === candidate.tested && !always) {
      await rm(candidate.rulesDir, { recursive: true, force: true });
      this.#current = { ...before, ruleset: candidate.ruleset };
    } else {
      await this.#activate(candidate, wanted.options);
      try {
        await reload(candidate.ruleset);
      } catch (cause) {
        await this.#writeConfig(configBefore);
        this.#current = before;
        await rm(candidate.rulesDir, { recursive: true, force: true });
        if (before !== undefined) await reload(before.ruleset).catch(() => undefined);
        throw new RuleRefusal(
          'SURICATA_RELOAD_FAILED',
          `Suricata did not take the tested rules: ${String(cause)}.`,
        );
      }
      if (before !== undefined) await rm(before.rulesDir, { recursive: true, force: true });
    }
    this.#managed = wanted.options.managedRules ? wanted.managed : undefined;
    await this.#remember(candidate);
    return candidate.ruleset;
  }

  /** Own, operator's and managed rules; the managed ones stand in the place of the starter rules. */
  async #compose({ options, managed }: Wanted): Promise<Ruleset> {
    const { layout } = this.#parts;
    const taken = options.managedRules ? managed : undefined;
    const starter = options.starterRules && taken === undefined;
    const own = await readOwnRules(join(layout.filesDir, 'rules'), starter);
    return composeRuleset(own, await readOperatorRules(layout.resourcesDir), taken);
  }

  /** Writes a ruleset beside the running one and tests it, unless exactly this was tested before. */
  async #candidate(
    ruleset: Ruleset,
    options: Options,
    progress?: Progress,
    capture?: RulesetFile,
  ): Promise<Candidate & { alerts?: AlertCount[] | undefined }> {
    const { layout } = this.#parts;
    this.#generation += 1;
    const rulesDir = join(layout.configDir, `rules-${String(this.#generation)}`);
    const tested = await this.#testDigest(ruleset, options);
    const began = performance.now();
    let alerts: AlertCount[] | undefined;
    try {
      await writeRuleset(rulesDir, ruleset);
      if (capture !== undefined || !this.#tested.has(tested)) {
        alerts = await this.#test(ruleset, rulesDir, options, capture);
        progress?.tested?.((performance.now() - began) / 1000);
      } else {
        progress?.tested?.(0);
      }
    } catch (error) {
      await rm(rulesDir, { recursive: true, force: true });
      throw error;
    }
    this.#noteTested(tested);
    return { ruleset, tested, rulesDir, alerts };
  }

  #noteTested(digest: string): void {
    this.#tested.delete(digest);
    this.#tested.add(digest);
    const [oldest] = this.#tested;
    if (this.#tested.size > MAX_TESTED && oldest !== undefined) this.#tested.delete(oldest);
  }

  async #test(
    ruleset: Ruleset,
    rulesDir: string,
    options: Options,
    capture: RulesetFile | undefined,
  ): Promise<AlertCount[] | undefined> {
    const { layout, testTimeoutMs, signal } = this.#parts;
    const captureDir = join(layout.scratchDir, 'captures');
    await rm(layout.scratchDir, { recursive: true, force: true });
    await mkdir(captureDir, { recursive: true, mode: 0o700 });
    try {
      if (capture !== undefined)
        await copyDelivered(
          layout.resourcesDir,
          capture,
          MAX_CAPTURE_BYTES,
          join(captureDir, 'recorded.pcap'),
        );
      const configPath = join(layout.configDir, 'test.yaml');
      await writeFile(configPath, await this.#render(ruleset, rulesDir, options, true), { mode: 0o600 });
      const alerts = await testRules({
        program: layout.program,
        configPath,
        logDir: layout.scratchDir,
        evePath: join(layout.scratchDir, 'eve.pipe'),
        captureDir,
        tried: capture !== undefined,
        timeoutMs: testTimeoutMs + (capture === undefined ? 0 : CAPTURE_MS),
        signal,
      });
      return capture === undefined ? undefined : alerts;
    } finally {
      await rm(layout.scratchDir, { recursive: true, force: true });
    }
  }

  async #activate(candidate: Candidate, options: Options): Promise<void> {
    await this.#writeConfig(await this.#render(candidate.ruleset, candidate.rulesDir, options, false));
    this.#current = candidate;
  }

  async #writeConfig(text: string): Promise<void> {
    const { configPath } = this.#parts.layout;
    await writeFile(`${configPath}.next`, text, { mode: 0o600 });
    await rename(`${configPath}.next`, configPath);
  }

  async #remember({ ruleset, tested }: Candidate): Promise<void> {
    this.#operatorDigest = digestOf(ruleset.files);
    if (this.#inForce?.digest !== ruleset.digest)
      this.#inForce = { digest: ruleset.digest, since: new Date().toISOString() };
    const good: LastGood = { ...ruleset, tested, since: this.#inForce.since };
    await writeLastGood(this.#parts.layout.lastGoodPath, good);
  }

  async #render(ruleset: Ruleset, rulesDir: string, options: Options, forTest: boolean): Promise<string> {
    const { layout, interfaces, budget } = this.#parts;
    const template = await readFile(join(layout.filesDir, 'suricata.yaml'), 'utf8');
    return renderConfig(template, {
      options: withVariables(options, ruleset.managed?.variables),
      interfaces: forTest ? [] : interfaces,
      budget,
      landlock: true,
      paths: {
        runDir: forTest ? layout.scratchDir : layout.runDir,
        configDir: layout.configDir,
        rulesDir,
        ruleFiles: [...ruleset.files.keys()],
        evePath: forTest ? join(layout.scratchDir, 'eve.pipe') : layout.evePath,
        commandSocket: forTest ? undefined : layout.commandSocket,
      },
    });
  }

  /** Says "this was tested": rules, configuration and program. */
  async #testDigest(ruleset: Ruleset, options: Options): Promise<string> {
    const { layout } = this.#parts;
    const program = await stat(layout.program).catch(() => undefined);
    return createHash('sha256')
      .update(ruleset.digest)
      .update(await this.#render(ruleset, '/', options, true))
      .update(`${String(program?.size)} ${String(program?.mtimeMs)}`)
      .digest('hex');
  }
}

/** Of the operator's files alone. */
function digestOf(files: ReadonlyMap<string, string>): string {
  const hash = createHash('sha256');
  for (const [path, text] of files) {
    if (path.startsWith('operator/')) hash.update(`${path} ${String(text.length)} `).update(text);
  }
  return hash.digest('hex');
}

/** The last good rules with today's reserved rules: an update of the app may have changed those. */
function withReserved(lastGood: Ruleset, own: ReadonlyMap<string, string>): Ruleset {
  const reserved = own.get('reserved.rules');
  if (reserved === undefined) return lastGood;
  return {
    ...lastGood,
    files: new Map([
      ['reserved.rules', reserved],
      ...[...lastGood.files].filter(([name]) => name !== 'reserved.rules'),
    ]),
  };
}
