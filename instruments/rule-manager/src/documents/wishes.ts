import { isFault, parseRule } from '../rules/rule-text.ts';
import { isCheckSid, isOwnSid } from '../rules/reserved.ts';
import { RulesError } from '../errors.ts';
import type { Bodies, Kind, Scope } from './schemas.ts';

/** Whether a wish can hold where and as long as it says; what the schema of its body cannot say. */

/** @throws RulesError RULES_SCOPE_NOT_POSSIBLE, RULES_EXPIRED */
export function checkWish<K extends Kind>(
  kind: K,
  wish: { scope: Scope; expires?: string | undefined; body: Bodies[K] },
  nowMs: number,
): void {
  const { scope, expires } = wish;
  if (expires !== undefined && Date.parse(expires) <= nowMs) {
    throw new RulesError('RULES_EXPIRED', `The time ${expires} is over.`, { at: '/expires' });
  }
  if (!('address' in scope)) return;
  const switchesOff =
    kind === 'rule' &&
    (wish.body as Bodies['rule']).enabled === false &&
    (wish.body as Bodies['rule']).text === undefined;
  if (kind !== 'suppression' && !switchesOff) {
    throw new RulesError('RULES_SCOPE_NOT_POSSIBLE', 'This cannot hold for one address.', { at: '/scope' });
  }
}

/** The body of a change to a rule, its text in the form in which it is used. @throws RulesError RULES_* */
export function checkedRule(body: Bodies['rule']): Bodies['rule'] {
  if (isOwnSid(body.sid)) {
    throw new RulesError('RULES_SID_RESERVED', `The sid ${String(body.sid)} belongs to the sensor.`, {
      at: '/sid',
    });
  }
  if (body.enabled === undefined && body.text === undefined) {
    throw new RulesError('RULES_REQUEST_INVALID', 'Neither enabled nor text is given.');
  }
  if (body.text === undefined) return body;
  const parsed = parseRule(body.text);
  if (isFault(parsed)) throw new RulesError(parsed.code, 'The text cannot be used.', { at: '/text' });
  if (parsed.sid !== body.sid) {
    throw new RulesError('RULES_SID_INVALID', `The text has the sid ${String(parsed.sid)}.`, { at: '/text' });
  }
  return { ...body, text: parsed.text };
}

/** @throws RulesError RULES_SID_RESERVED, RULES_REQUEST_INVALID */
export function checkSuppression(body: Bodies['suppression'], scope: Scope): void {
  if (isCheckSid(body.sid)) {
    throw new RulesError('RULES_SID_RESERVED', 'The detection check must stay seen.', { at: '/sid' });
  }
  const { addresses, action } = body;
  const hasAddress = addresses !== undefined || 'address' in scope;
  if (action.type !== 'suppress' && hasAddress) {
    throw new RulesError('RULES_SCOPE_NOT_POSSIBLE', 'A limit counts for all addresses of a rule.', {
      at: addresses === undefined ? '/scope' : '/addresses',
    });
  }
  if (addresses !== undefined && 'address' in scope) {
    throw new RulesError('RULES_REQUEST_INVALID', 'Addresses stand in the scope and beside it.', {
      at: '/addresses',
    });
  }
}
