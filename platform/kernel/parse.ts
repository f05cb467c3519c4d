import type { z } from 'zod';
import { BulkheadError, type ErrorCode } from './errors.ts';

/** A JSON pointer (RFC 6901) from the path of a validation issue. */
export function jsonPointer(path: readonly PropertyKey[]): string {
  return path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/**
 * Parses a value from outside once, at the edge, into a frozen typed value.
 * @throws BulkheadError `code` with the JSON pointer of the first fault in `fields.pointer` and all faults (at most 10)
 *         in the message.
 */
export function parseStrict<T extends z.ZodType>(
  schema: T,
  value: unknown,
  code: ErrorCode,
  what: string,
): z.output<T> {
  const result = schema.safeParse(value);
  if (result.success) return deepFreeze(result.data);
  const faults = result.error.issues.slice(0, 10).map((issue) => {
    const at = issue.code === 'unrecognized_keys' ? [...issue.path, issue.keys[0] ?? ''] : issue.path;
    return { pointer: jsonPointer(at) || '/', text: issue.message };
  });
  throw new BulkheadError({
    code,
    message: `${what} is not valid: ${faults.map((f) => `${f.pointer}: ${f.text}`).join('; ')}`,
    hint: 'Correct the named place and try again; nothing was changed.',
    fields: { pointer: faults[0]?.pointer ?? '/' },
  });
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  return value;
}
