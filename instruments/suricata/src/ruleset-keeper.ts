import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Budget } from './budget.ts';
import { renderConfig, type CaptureInterface } from './config.ts';
import { readLastGood, writeLastGood, type LastGood } from './last-good.ts';
import type { Layout } from './layout.ts';
import type { Options } from './options.ts';
import { composeRuleset, readOperatorRules, readOwnRules, writeRuleset, type Ruleset } from './rule-files.ts';
import { RuleRefusal } from './rule-refusal.ts';
import { testRules } from './rule-test.ts';

/** Which rules are placed, and why not the wanted ones. */
export interface Placed {
  /** `wanted`: resources and options as they are; `last-good`: what ran before; `own`: only what comes with the app. */
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
}

/** A candidate that passed its test and lies beside the running rules. */
interface Candidate {
  ruleset: Ruleset;
  tested: string;
  rulesDir: string;
}

/**
 * Puts rules and configuration where Suricata reads them, never untested.
 *
 * INVARIANTS: calls do not overlap (the owner serialises them); `suricata.yaml` names a generation of rules that passed
 * `suricata -T` with that same configuration; a refused candidate leaves nothing behind.
 */
export class RulesetKeeper {
  readonly #parts: KeeperParts;
  #generation = 0;
  #current: { rulesDir: string; ruleset: Ruleset } | undefined;

  constructor(parts: KeeperParts) {
    this.#parts = parts;
  }

  /** Before Suricata starts: the wanted rules, else the last good ones, else our own. Always places something. */
  async placeFirst(options: Options): Promise<Placed> {
    let refusal: RuleRefusal;
    try {
      const candidate = await this.#candidate(await this.#wanted(options), options);
      await this.#activate(candidate, options);
      await this.#remember(candidate);
      return { source: 'wanted', ruleset: candidate.ruleset };
    } catch (error) {
      if (!(error instanceof RuleRefusal)) throw error;
      refusal = error;
    }
    const lastGood = await readLastGood(this.#parts.layout.lastGoodPath);
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
        return { source, ruleset, refusal };
      } catch (error) {
        if (!(error instanceof RuleRefusal)) throw error;
      }
    }
    throw refusal;
  }

  /**
   * While Suricata runs: tests the wanted rules, places them, lets `reload` make them live, and keeps them as the last good
   * ones. When the reload fails, what ran before is placed and made live again.
   * @throws RuleRefusal what ran before goes on
   */
  async replace(options: Options, reload: (ruleset: Ruleset) => Promise<void>): Promise<Ruleset> {
    const candidate = await this.#candidate(await this.#wanted(options), options);
    const before = this.#current;
    const configBefore = await readFile(this.#parts.layout.configPath, 'utf8');
    await this.#activate(candidate, options);
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
    await this.#remember(candidate);
    return candidate.ruleset;
  }

  async #wanted(options: Options): Promise<Ruleset> {
    const { layout } = this.#parts;
    const own = await readOwnRules(join(layout.filesDir, 'rules'), options.starterRules);
    return composeRuleset(own, await readOperatorRules(layout.resourcesDir));
  }

  /** Writes a ruleset beside the running one and tests it, unless exactly this was tested before. */
  async #candidate(ruleset: Ruleset, options: Options): Promise<Candidate> {
    const { layout } = this.#parts;
    this.#generation += 1;
    const rulesDir = join(layout.configDir, `rules-${String(this.#generation)}`);
    const tested = await this.#testDigest(ruleset, options);
    try {
      await writeRuleset(rulesDir, ruleset);
      const lastGood = await readLastGood(layout.lastGoodPath);
      if (lastGood?.tested !== tested) await this.#test(ruleset, rulesDir, options);
      return { ruleset, tested, rulesDir };
    } catch (error) {
      await rm(rulesDir, { recursive: true, force: true });
      throw error;
    }
  }

  async #test(ruleset: Ruleset, rulesDir: string, options: Options): Promise<void> {
    const { layout, testTimeoutMs } = this.#parts;
    await rm(layout.scratchDir, { recursive: true, force: true });
    await mkdir(layout.scratchDir, { recursive: true, mode: 0o700 });
    const configPath = join(layout.scratchDir, 'suricata.yaml');
    await writeFile(configPath, await this.#render(ruleset, rulesDir, options, true), { mode: 0o600 });
    try {
      await testRules({
        program: layout.program,
        configPath,
        logDir: layout.scratchDir,
        timeoutMs: testTimeoutMs,
      });
    } finally {
      await rm(layout.scratchDir, { recursive: true, force: true });
    }
  }

  async #activate(candidate: Candidate, options: Options): Promise<void> {
    await this.#writeConfig(await this.#render(candidate.ruleset, candidate.rulesDir, options, false));
    this.#current = { rulesDir: candidate.rulesDir, ruleset: candidate.ruleset };
  }

  async #writeConfig(text: string): Promise<void> {
    const { configPath } = this.#parts.layout;
    await writeFile(`${configPath}.next`, text, { mode: 0o600 });
    await rename(`${configPath}.next`, configPath);
  }

  async #remember(candidate: Candidate): Promise<void> {
    const good: LastGood = { ...candidate.ruleset, tested: candidate.tested };
    await writeLastGood(this.#parts.layout.lastGoodPath, good);
  }

  async #render(ruleset: Ruleset, rulesDir: string, options: Options, forTest: boolean): Promise<string> {
    const { layout, interfaces, budget } = this.#parts;
    const template = await readFile(join(layout.filesDir, 'suricata.yaml'), 'utf8');
    return renderConfig(template, {
      options,
      interfaces: forTest ? [] : interfaces,
      budget,
      landlock: !forTest,
      paths: {
        runDir: forTest ? layout.scratchDir : layout.runDir,
        configDir: layout.configDir,
        rulesDir,
        ruleFiles: [...ruleset.files.keys()],
        evePath: forTest ? join(layout.scratchDir, 'eve.json') : layout.evePath,
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
