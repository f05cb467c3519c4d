import { digestOf } from '../compile/compile.ts';
import { parseRule, isFault } from '../rules/rule-text.ts';
import { summaryOf } from '../rules/rule-store.ts';
import { RulesError } from '../errors.ts';
import { checkedRule, checkSuppression, checkWish } from '../documents/wishes.ts';
import { holding } from '../documents/scope.ts';
import type { AnyDocument } from '../documents/schemas.ts';
import { previewOf } from '../suppressions/preview.ts';
import type { Desk, Operations } from './desk.ts';
import type { RuleDetail } from './results.ts';

type Names =
  | 'rules.search'
  | 'rule.get'
  | 'rule.set'
  | 'rule.unset'
  | 'documents.list'
  | 'variables.set'
  | 'variables.unset'
  | 'suppression.add'
  | 'suppression.remove'
  | 'suppression.preview'
  | 'changes.list';

/** Rules and all that people say about them. */
export function ruleOperations(desk: Desk): Operations<Names> {
  const { documents, rules } = desk;
  return {
    'rules.search': (query) => rules.search(query, desk.standing()),
    'rule.get': ({ sid }) => detailOf(desk, sid),
    'rule.set': ({ scope, reason, expires, ...rest }, { author }) => {
      const body = checkedRule(rest);
      checkWish('rule', { scope, expires, body }, Date.now());
      detailOf(desk, body.sid);
      // One document for each rule and scope: a later one takes the place of what it says again.
      const same = documents.about('rule', String(body.sid)).find((one) => sameScope(one, scope));
      const wanted = { kind: 'rule' as const, subject: String(body.sid), scope, body, expires };
      const by = { author, reason };
      if (same?.kind !== 'rule') return { document: documents.add(wanted, by) };
      return { document: documents.change(same.id, { ...wanted, body: { ...same.body, ...body } }, by) };
    },
    'rule.unset': ({ id, reason }, { author }) => {
      documents.remove('rule', id, { author, reason });
      return {};
    },
    'documents.list': ({ kind, limit, offset }) => {
      const all = documents.list(kind).map(shown).reverse();
      return { documents: all.slice(offset, offset + limit), total: all.length };
    },
    'variables.set': ({ scope, reason, expires, ...body }, { author }) => {
      checkWish('variables', { scope, expires, body }, Date.now());
      const same = documents.list('variables').find((one) => sameScope(one, scope));
      const wanted = { kind: 'variables' as const, subject: 'variables', scope, body, expires };
      const by = { author, reason };
      return {
        document: same === undefined ? documents.add(wanted, by) : documents.change(same.id, wanted, by),
      };
    },
    'variables.unset': ({ id, reason }, { author }) => {
      documents.remove('variables', id, { author, reason });
      return {};
    },
    'suppression.add': ({ scope, reason, expires, ...body }, { author }) => {
      checkWish('suppression', { scope, expires, body }, Date.now());
      checkSuppression(body, scope);
      const wanted = { kind: 'suppression' as const, subject: String(body.sid), scope, body, expires };
      return { document: documents.add(wanted, { author, reason }) };
    },
    'suppression.remove': ({ id, reason }, { author }) => {
      documents.remove('suppression', id, { author, reason });
      return {};
    },
    'suppression.preview': ({ scope, days, ...body }) => {
      checkSuppression(body, scope);
      const alerts = desk.alerts();
      if (alerts === undefined) throw new RulesError('RULES_UNAVAILABLE', 'No alerts are kept.');
      return previewOf(alerts, { body, scope, days }, Date.now());
    },
    'changes.list': ({ kind, subject, limit, offset }) => documents.history({ kind, subject }, limit, offset),
  };
}

/** @throws RulesError RULES_UNKNOWN */
function detailOf(desk: Desk, sid: number): RuleDetail {
  const standing = desk.standing();
  const found = desk.rules.withSid(sid, standing);
  const rule = found.find(({ active }) => active) ?? found[0];
  if (rule === undefined)
    throw new RulesError('RULES_UNKNOWN', `No source has a rule with the sid ${String(sid)}.`);
  const about = desk.documents.about('rule', String(sid));
  const edited = holding(about, 'rule', desk.place(), Date.now())
    .map(({ body }) => body.text)
    .findLast((text) => text !== undefined);
  const text = edited ?? rule.text;
  const parsed = parseRule(text);
  const refused = desk.jobs.exclusion(sid);
  return {
    ...summaryOf(rule, standing),
    ...(isFault(parsed) ? {} : { msg: parsed.msg, rev: parsed.rev }),
    text,
    original: rule.text,
    file: rule.file,
    line: rule.line,
    references: JSON.parse(rule.refs) as string[],
    metadata: JSON.parse(rule.metadata) as string[],
    documents: [...about, ...desk.documents.about('suppression', String(sid))],
    alerts: desk.alerts()?.countOf(sid) ?? 0,
    ...(refused?.digest === digestOf(text) ? { excluded: refused.message } : {}),
  };
}

function sameScope(document: AnyDocument, scope: AnyDocument['scope']): boolean {
  return JSON.stringify(document.scope) === JSON.stringify(scope);
}

/** Without the values of parameters, which may be access codes. */
function shown(document: AnyDocument): AnyDocument {
  if (document.kind !== 'source' || document.body.origin.type !== 'catalogue') return document;
  const { origin } = document.body;
  const parameters = Object.fromEntries(Object.keys(origin.parameters).map((name) => [name, '…']));
  return { ...document, body: { ...document.body, origin: { ...origin, parameters } } };
}
