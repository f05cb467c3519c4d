import { MAX_RULES_BYTES, MAX_THRESHOLDS_BYTES } from '@bulkhead/sdk';
import { compile, type Compiled, type SourceRule } from '../compile/compile.ts';
import type { By, DocumentStore } from '../documents/document-store.ts';
import type { Place } from '../documents/scope.ts';
import { RulesError } from '../errors.ts';
import type { RuleStore } from '../rules/rule-store.ts';
import type { SourceStore } from '../sources/source-store.ts';
import type { JobStore } from './job-store.ts';
import type { KeptVersion, VersionStore } from './version-store.ts';

export interface BuilderOptions {
  documents: DocumentStore;
  sources: SourceStore;
  rules: RuleStore;
  versions: VersionStore;
  jobs: JobStore;
  place: () => Place;
  /** Smallest share of the live ruleset's rules that a new one may have without being forced. */
  minShare: () => number;
}

/** Name under which the version that was made live last stands. */
export const LIVE = 'live';
/** Name under which the version stands that a person went back to. */
export const PINNED = 'pinned';

/** Puts rulesets together from what is wanted, and refuses what would blind an IDS. */
export class Builder {
  readonly #options: BuilderOptions;

  constructor(options: BuilderOptions) {
    this.#options = options;
  }

  /** What is wanted now. Nothing is kept of it. */
  async compile(): Promise<Compiled> {
    const { documents, sources, rules, jobs, place } = this.#options;
    const found = new Map<string, SourceRule[]>();
    for (const [source, version] of sources.current()) found.set(source, await rules.ofFile(version));
    return compile(
      { documents: documents.list(), rules: found, excluded: jobs.exclusions() },
      { ...place(), nowMs: Date.now() },
    );
  }

  /**
   * Keeps what was put together as a version.
   * @throws RulesError RULES_RULESET_EMPTY, RULES_RULESET_SHRUNK, RULES_RULESET_TOO_LARGE
   */
  async keep(compiled: Compiled, by: By, force: boolean): Promise<KeptVersion> {
    const { versions, jobs, minShare } = this.#options;
    const live = versions.find(jobs.fact(LIVE) ?? '');
    const rules = compiled.sids.length;
    if (rules === 0) {
      throw new RulesError('RULES_RULESET_EMPTY', 'No rule is enabled: the IDS would see nothing.');
    }
    if (!force && live !== undefined && rules < live.rules * minShare()) {
      throw new RulesError(
        'RULES_RULESET_SHRUNK',
        `The ruleset has ${String(rules)} rules, the live one ${String(live.rules)}.`,
      );
    }
    const bytes = Buffer.byteLength(compiled.rules);
    if (bytes > MAX_RULES_BYTES || Buffer.byteLength(compiled.thresholds) > MAX_THRESHOLDS_BYTES) {
      throw new RulesError('RULES_RULESET_TOO_LARGE', `The ruleset has ${String(bytes)} bytes.`);
    }
    const known = versions.find(compiled.id);
    if (known !== undefined) return known;
    const version: KeptVersion = {
      id: compiled.id,
      time: new Date().toISOString(),
      author: by.author,
      reason: by.reason,
      state: 'built',
      rules,
      suppressions: compiled.suppressions,
      bytes,
      ...(await this.#difference(compiled, live)),
      notes: [...compiled.notes],
      faults: [],
      variables: compiled.variables,
    };
    await versions.add(version, compiled, this.needed());
    return version;
  }

  /** Versions that must not be dropped: they run, or a person went back to them. */
  needed(): string[] {
    const { jobs } = this.#options;
    return [jobs.fact(LIVE), jobs.fact(PINNED), ...jobs.targets().map(({ version }) => version)].filter(
      (id) => id !== undefined,
    );
  }

  async #difference(
    compiled: Compiled,
    live: KeptVersion | undefined,
  ): Promise<Pick<KeptVersion, 'added' | 'removed' | 'changed'>> {
    const before =
      live === undefined ? undefined : await this.#options.versions.content(live.id).catch(() => undefined);
    const old = new Map(linesBySid(before?.rules.toString('utf8') ?? ''));
    let [added, changed, same] = [0, 0, 0];
    for (const [sid, line] of linesBySid(compiled.rules)) {
      const other = old.get(sid);
      if (other === undefined) added += 1;
      else if (other === line) same += 1;
      else changed += 1;
    }
    return { added, changed, removed: old.size - changed - same };
  }
}

/** The rules of a text by sid; two with the same cannot be in it. */
function linesBySid(text: string): [sid: string, line: string][] {
  return text.split('\n').flatMap((line) => {
    const sid = /[;( \t]sid[ \t]*:[ \t]*(\d{1,10})[ \t]*;/.exec(line)?.[1];
    return sid === undefined ? [] : [[sid, line]];
  });
}
