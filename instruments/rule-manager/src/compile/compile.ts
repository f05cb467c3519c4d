import { createHash } from 'node:crypto';
import type { RulesetVariables } from '@bulkhead/sdk';
import type {
  AnyDocument,
  Document,
  RuleBody,
  SuppressionBody,
  VariablesBody,
} from '../documents/schemas.ts';
import { compareTexts, holding, rankOf, type Place } from '../documents/scope.ts';
import { isOwnSid } from '../rules/reserved.ts';
import { parseRule, isFault } from '../rules/rule-text.ts';
import { thresholdLines } from '../suppressions/threshold-lines.ts';

/** A rule as its source has it. */
export interface SourceRule {
  sid: number;
  gid: number;
  rev: number;
  enabled: boolean;
  text: string;
}

/** All that a ruleset follows from. */
export interface Desired {
  documents: readonly AnyDocument[];
  /** Rules in use, by source. */
  rules: ReadonlyMap<string, readonly SourceRule[]>;
  /** Rules that the IDS refused although their source may be taken in part: sid -> SHA-256 of the text that was refused. */
  excluded: ReadonlyMap<number, string>;
}

/** A ruleset as it goes to an IDS. */
export interface Compiled {
  /** First 16 hexadecimal digits of the digest over everything below. */
  id: string;
  /** One rule per line, by sid. */
  rules: string;
  /** In the language of Suricata's threshold.config. */
  thresholds: string;
  variables: RulesetVariables;
  /** Sid of each line of `rules`. */
  sids: readonly number[];
  suppressions: number;
  /** What was left out, and why. At most {@link MAX_NOTES}. */
  notes: readonly string[];
}

const MAX_NOTES = 20;

/**
 * Puts together what a sensor shall run: a pure function, so a sensor that was away or is new comes to the same by itself. Narrower
 * scopes win over wider ones, later documents over earlier; what has expired does not count.
 */
export function compile(desired: Desired, at: Place & { nowMs: number }): Compiled {
  const { documents } = desired;
  const notes = new Notes();
  const changes = changesBySid(holding(documents, 'rule', at, at.nowMs));
  const chosen = chooseRules(desired, at, changes, notes);
  const suppressions = [
    ...holding(documents, 'suppression', at, at.nowMs),
    ...switchedOffFor(holding(documents, 'rule', at, at.nowMs)),
  ];
  const { lines, limited } = thresholdLines(
    suppressions,
    (sid) => chosen.has(sid) || isOwnSid(sid),
    (note) => {
      notes.add(note);
    },
  );
  const sids = [...chosen.keys()].sort((a, b) => a - b);
  const rules = sids
    .map((sid) => {
      const text = chosen.get(sid) ?? '';
      return `${limited.has(sid) ? withoutOwnThreshold(text) : text}\n`;
    })
    .join('');
  const thresholds = lines.map((line) => `${line}\n`).join('');
  const variables = mergeVariables(holding(documents, 'variables', at, at.nowMs));
  const id = createHash('sha256')
    .update(JSON.stringify([rules.length, thresholds.length, variables]))
    .update(rules)
    .update(thresholds)
    .digest('hex')
    .slice(0, 16);
  return { id, rules, thresholds, variables, sids, suppressions: lines.length, notes: notes.all() };
}

/** What documents say about one rule: each part by the deciding document. */
export interface RuleChange {
  enabled?: boolean;
  text?: string;
}

/** Changes by sid; a document for an address changes no rule. @param documents the deciding one last */
export function changesBySid(documents: readonly Document<'rule'>[]): Map<number, RuleChange> {
  const changes = new Map<number, RuleChange>();
  for (const { scope, body } of documents) {
    if ('address' in scope) continue;
    const { sid, enabled, text }: RuleBody = body;
    changes.set(sid, {
      ...changes.get(sid),
      ...(enabled === undefined ? {} : { enabled }),
      ...(text === undefined ? {} : { text }),
    });
  }
  return changes;
}

/** SHA-256 of a rule's text. */
export function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Text of each rule that shall run. */
function chooseRules(
  { documents, rules, excluded }: Desired,
  at: Place & { nowMs: number },
  changes: ReadonlyMap<number, RuleChange>,
  notes: Notes,
): Map<number, string> {
  const enabled = holding(documents, 'source', at, at.nowMs)
    .filter(({ body }) => body.enabled)
    .map(({ body }) => body.name)
    .sort(compareTexts);
  const best = new Map<number, { rev: number; source: string; text: string }>();
  for (const source of enabled) {
    for (const rule of rules.get(source) ?? []) {
      const change = changes.get(rule.sid);
      if (!(change?.enabled ?? rule.enabled)) continue;
      const other = best.get(rule.sid);
      if (other !== undefined)
        notes.add(`sid ${String(rule.sid)} stands in ${other.source} and in ${source}`);
      if (other === undefined || rule.rev > other.rev)
        best.set(rule.sid, { rev: rule.rev, source, text: rule.text });
    }
  }
  const chosen = new Map<number, string>();
  for (const [sid, { text }] of best) {
    const wanted = changes.get(sid)?.text ?? text;
    const parsed = parseEdited(sid, wanted, text, notes);
    const refused = excluded.get(sid);
    if (
      refused !== undefined &&
      [parsed, withoutOwnThreshold(parsed)].some((one) => digestOf(one) === refused)
    ) {
      notes.add(`sid ${String(sid)} is left out: the IDS refused it`);
    } else chosen.set(sid, parsed);
  }
  return chosen;
}

/** An edited text was checked when it was saved; what was restored or brought from elsewhere is checked again. */
function parseEdited(sid: number, wanted: string, original: string, notes: Notes): string {
  if (wanted === original) return original;
  const parsed = parseRule(wanted);
  if (!isFault(parsed) && parsed.sid === sid && !parsed.text.includes('\n')) return parsed.text;
  notes.add(`the edited text of sid ${String(sid)} is not valid and not used`);
  return original;
}

/** Switching a rule off for an address is a suppression of it. */
function switchedOffFor(documents: readonly Document<'rule'>[]): Document<'suppression'>[] {
  return documents.flatMap((document) => {
    if (!('address' in document.scope) || document.body.enabled !== false) return [];
    const body: SuppressionBody = {
      sid: document.body.sid,
      gid: 1,
      action: { type: 'suppress' },
      track: 'by_either',
    };
    return [{ ...document, kind: 'suppression' as const, body }];
  });
}

/** A rule's own threshold would win over what the operator says. */
function withoutOwnThreshold(text: string): string {
  const open = text.indexOf('(');
  const options = text
    .slice(open + 1)
    .split(/(?<!\\);/)
    .filter((option) => !/^\s*threshold\s*:/i.test(option));
  return `${text.slice(0, open + 1)}${options.join(';').trimStart()}`;
}

/** @param documents the deciding one last */
function mergeVariables(documents: readonly Document<'variables'>[]): RulesetVariables {
  const merged: VariablesBody = {};
  for (const { body, scope } of documents) {
    if (rankOf(scope) > 1 && 'address' in scope) continue;
    if (body.homeNet !== undefined) merged.homeNet = body.homeNet;
    if (body.addressGroups !== undefined)
      merged.addressGroups = { ...merged.addressGroups, ...body.addressGroups };
    if (body.portGroups !== undefined) merged.portGroups = { ...merged.portGroups, ...body.portGroups };
  }
  // In one order, so that the digest does not depend on who said it first.
  return {
    ...(merged.homeNet === undefined ? {} : { homeNet: merged.homeNet }),
    ...(merged.addressGroups === undefined ? {} : { addressGroups: sorted(merged.addressGroups) }),
    ...(merged.portGroups === undefined ? {} : { portGroups: sorted(merged.portGroups) }),
  };
}

function sorted<T>(record: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => compareTexts(a, b)));
}

class Notes {
  readonly #notes: string[] = [];
  #more = 0;

  add(note: string): void {
    if (this.#notes.length < MAX_NOTES - 1) this.#notes.push(note);
    else this.#more += 1;
  }

  all(): string[] {
    return this.#more === 0 ? this.#notes : [...this.#notes, `and ${String(this.#more)} more`];
  }
}
