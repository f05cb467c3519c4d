import type { z } from 'zod';
import { OPERATIONS, type OperationName } from '../api-types.ts';
import { RulesError } from '../errors.ts';
import type { Caller, Desk, Perform } from './desk.ts';
import { ruleOperations } from './rule-operations.ts';
import { rulesetOperations } from './ruleset-operations.ts';
import { sourceOperations } from './source-operations.ts';

/** Does what is asked; the same by message and by HTTP. */
export type Performer = (name: OperationName, payload: unknown, caller: Caller) => Promise<unknown>;

/**
 * The operations over a desk.
 * @returns a function that throws RulesError RULES_REQUEST_INVALID with a JSON pointer, and what the operations throw
 */
export function performer(desk: Desk): Performer {
  const all = { ...sourceOperations(desk), ...ruleOperations(desk), ...rulesetOperations(desk) };
  return async (name, payload, caller) => {
    const parsed = OPERATIONS[name].request.safeParse(payload);
    if (!parsed.success) throw invalid(name, parsed.error);
    const perform = all[name] as Perform<OperationName>;
    return perform(parsed.data, caller);
  };
}

export function isOperation(name: string): name is OperationName {
  return Object.hasOwn(OPERATIONS, name);
}

function invalid(name: string, error: z.ZodError): RulesError {
  const issue = error.issues[0];
  const path =
    issue?.code === 'unrecognized_keys' ? [...issue.path, issue.keys[0] ?? ''] : (issue?.path ?? []);
  const at = path
    .map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`)
    .join('')
    .slice(0, 200);
  return new RulesError(
    'RULES_REQUEST_INVALID',
    `${name}: ${at || '/'}: ${(issue?.message ?? 'not valid').slice(0, 300)}.`,
    { at: at || '/' },
  );
}
