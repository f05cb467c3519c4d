import type { RuleSummary } from '../api/results.ts';
import type { SourceRule } from '../compile/compile.ts';
import type { Database } from '../store/database.ts';

/** How the rules stand on this sensor; see {@link RuleStore.search}. */
export interface Standing {
  /** Row numbers of the files in use, with their source's name; `active`: the source is switched on here. */
  files: readonly { id: number; source: string; active: boolean }[];
  /** What documents say about single rules. */
  switched: ReadonlyMap<number, boolean>;
  /** Sids that a document changes in any way. */
  changed: ReadonlySet<number>;
}

export interface RuleQuery {
  text: string;
  source?: string | undefined;
  enabled?: boolean | undefined;
  classtype?: string | undefined;
  priority?: number | undefined;
  changed?: boolean | undefined;
  limit: number;
  offset: number;
}

/** A rule as it is stored. */
export interface StoredRule {
  version: number;
  sid: number;
  gid: number;
  rev: number;
  action: string;
  msg: string;
  classtype: string | null;
  priority: number | null;
  enabled: number;
  text: string;
  refs: string;
  metadata: string;
  file: string;
  line: number;
}

/** Beyond it a total is not counted. */
const MOST_COUNTED = 1_000;
const STEP = 5_000;
const MOST_WORDS = 10;
const SUMMARY = 'r.version, r.sid, r.gid, r.rev, r.action, r.msg, r.classtype, r.priority, r.enabled';

/** Reads rules; {@link SourceStore} writes them. */
export class RuleStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** All rules of a source's file, with turns for others between. */
  async ofFile(version: number): Promise<SourceRule[]> {
    const rules: SourceRule[] = [];
    const step = this.#db.prepare<
      [number, number, number],
      Omit<SourceRule, 'enabled'> & { enabled: number }
    >('SELECT sid, gid, rev, enabled, text FROM rules WHERE version = ? AND sid > ? ORDER BY sid LIMIT ?');
    for (;;) {
      const rows = step.all(version, rules.at(-1)?.sid ?? 0, STEP);
      for (const row of rows) rules.push({ ...row, enabled: row.enabled === 1 });
      if (rows.length < STEP) return rules;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** The rule with a sid, of each source that has it. */
  withSid(sid: number, standing: Standing): (StoredRule & { source: string; active: boolean })[] {
    const rows = this.#db.prepare<[number], StoredRule>('SELECT * FROM rules WHERE sid = ?').all(sid);
    return rows.flatMap((row) => {
      const file = standing.files.find(({ id }) => id === row.version);
      return file === undefined ? [] : [{ ...row, source: file.source, active: file.active }];
    });
  }

  /** Rules in the order of their sources and sids. Words are prefixes; all must occur. */
  search(query: RuleQuery, standing: Standing): { rules: RuleSummary[]; total: number; more: boolean } {
    const files = standing.files.filter(
      ({ source }) => query.source === undefined || source === query.source,
    );
    const words = wordsOf(query.text);
    const nothing = { rules: [], total: 0, more: false };
    if (files.length === 0 || (query.text.trim() !== '' && words.length === 0)) return nothing;
    const sid = /^\s*\d{1,10}\s*$/.test(query.text) ? Number(query.text) : undefined;
    if (sid !== undefined) {
      const exact = this.#find(query, standing, files, 'rules r', 'r.sid = @sid', { sid });
      if (exact.rules.length > 0) return exact;
    }
    if (words.length === 0) return this.#find(query, standing, files, 'rules r', '1', {});
    return this.#find(
      query,
      standing,
      files,
      'rule_words w CROSS JOIN rules r ON r.id = w.rowid',
      'w.rule_words MATCH @words',
      { words: words.map((word) => `"${word}"*`).join(' AND ') },
    );
  }

  #find(
    query: RuleQuery,
    standing: Standing,
    files: Standing['files'],
    from: string,
    where: string,
    values: Readonly<Record<string, unknown>>,
  ): { rules: RuleSummary[]; total: number; more: boolean } {
    const conditions = [where, `r.version IN (${files.map(({ id }) => String(id)).join(', ')})`];
    if (query.classtype !== undefined) conditions.push('r.classtype = @classtype');
    if (query.priority !== undefined) conditions.push('r.priority = @priority');
    if (query.changed !== undefined) {
      conditions.push(`r.sid ${query.changed ? '' : 'NOT '}IN (SELECT value FROM json_each(@changed))`);
    }
    if (query.enabled !== undefined) {
      const active = files.filter((file) => file.active).map(({ id }) => String(id));
      const isOn = `(r.version IN (${active.join(', ')}) AND CASE
        WHEN r.sid IN (SELECT value FROM json_each(@switchedOn)) THEN 1
        WHEN r.sid IN (SELECT value FROM json_each(@switchedOff)) THEN 0 ELSE r.enabled END)`;
      conditions.push(query.enabled ? isOn : `NOT ${isOn}`);
    }
    const switchedTo = (wanted: boolean): string =>
      JSON.stringify([...standing.switched].filter(([, is]) => is === wanted).map(([sid]) => sid));
    const all = {
      ...values,
      ...(query.classtype === undefined ? {} : { classtype: query.classtype }),
      ...(query.priority === undefined ? {} : { priority: query.priority }),
      ...(query.changed === undefined ? {} : { changed: JSON.stringify([...standing.changed]) }),
      ...(query.enabled === undefined
        ? {}
        : { switchedOn: switchedTo(true), switchedOff: switchedTo(false) }),
    };
    const order = from === 'rules r' ? 'r.id' : 'w.rowid';
    const most = Math.max(MOST_COUNTED, query.offset + query.limit + 1);
    const ids = this.#db
      .prepare<[Record<string, unknown>], { id: number }>(
        `SELECT r.id FROM ${from} WHERE ${conditions.join(' AND ')} ORDER BY ${order} LIMIT ${String(most)}`,
      )
      .all(all);
    const row = this.#db.prepare<[number], StoredRule>(`SELECT ${SUMMARY} FROM rules r WHERE r.id = ?`);
    const rules = ids.slice(query.offset, query.offset + query.limit).flatMap(({ id }) => row.get(id) ?? []);
    return {
      rules: rules.map((rule) => summaryOf(rule, standing)),
      total: Math.min(ids.length, MOST_COUNTED),
      more: ids.length > query.offset + query.limit,
    };
  }
}

/** A rule as lists show it. */
export function summaryOf(
  row: Omit<StoredRule, 'text' | 'refs' | 'metadata' | 'file' | 'line'>,
  standing: Standing,
): RuleSummary {
  const file = standing.files.find(({ id }) => id === row.version);
  return {
    sid: row.sid,
    gid: row.gid,
    rev: row.rev,
    msg: row.msg,
    action: row.action,
    ...(row.classtype === null ? {} : { classtype: row.classtype }),
    ...(row.priority === null ? {} : { priority: row.priority }),
    source: file?.source ?? '',
    enabledBySource: row.enabled === 1,
    enabled: file?.active === true && (standing.switched.get(row.sid) ?? row.enabled === 1),
    changed: standing.changed.has(row.sid),
  };
}

/** Words as the index has them: letters and digits. */
function wordsOf(text: string): string[] {
  return text
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== '')
    .slice(0, MOST_WORDS);
}
