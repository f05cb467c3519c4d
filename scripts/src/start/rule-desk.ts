import { Agent, request } from 'undici';
import { BulkheadError } from '@bulkhead/platform/kernel';

/** One page of the rule manager's API (instruments/rule-manager/src/api-types.ts), as far as the lab needs it. */
export interface SourceGlance {
  name: string;
  state: string;
  download?: { state: string; message?: string };
  rules: { all: number };
  refused?: { message?: string };
}

/** What it says of a deployment. */
export interface DeployGlance {
  id: string;
  state: string;
  version?: string;
  message?: string;
  targets: { name: string; stage: string; message?: string }[];
}

/** What it says of a ruleset. */
export interface VersionGlance {
  id: string;
  state: string;
  rules: number;
  message?: string;
}

/** The rule manager, asked as its web page asks it: over its socket on the host, which is root's. */
export interface RuleDesk {
  /** @throws BulkheadError START_RULES_REFUSED with what the rule manager says; fields.code is its code */
  ask<T>(operation: string, payload: unknown): Promise<T>;
  close(): Promise<void>;
}

const TIMEOUT_MS = 20_000;

export function openRuleDesk(socketPath: string): RuleDesk {
  const dispatcher = new Agent({
    connect: { socketPath },
    bodyTimeout: TIMEOUT_MS,
    headersTimeout: TIMEOUT_MS,
  });
  return {
    ask: async <T>(operation: string, payload: unknown): Promise<T> => {
      const { body } = await request(`http://rule-manager/api/${operation}`, {
        dispatcher,
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'x-bulkhead-user': 'lab',
          'x-bulkhead-roles': 'operator',
        },
        body: JSON.stringify(payload),
      });
      const reply = (await body.json()) as
        { ok: true; result: T } | { ok: false; code: string; message: string };
      if (reply.ok) return reply.result;
      throw new BulkheadError({
        code: 'START_RULES_REFUSED',
        message: `The rule manager refused ${operation}: ${reply.message} (${reply.code})`,
        hint: 'Read `bulkhead logs rule-manager`.',
        fields: { operation, code: reply.code },
      });
    },
    close: () => dispatcher.close(),
  };
}
