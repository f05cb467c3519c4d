import type { z } from 'zod';
import { InstrumentError, type InstrumentErrorCode } from './errors.ts';
import { pointerOf } from './instrument-file.ts';
import { LIMITS } from './protocol.ts';

/** A command whose request and reply have a schema; both ends check both. Made by {@link defineCommand}. */
export interface Command<Request extends z.ZodType = z.ZodType, Reply extends z.ZodType = z.ZodType> {
  readonly name: string;
  readonly request: Request;
  readonly reply: Reply;
  /** How long its sender waits unless it says otherwise, and how long a recipient may work on it. At most 60 s. */
  readonly timeoutMs: number;
  /** Largest request in bytes, at most 256 KiB. */
  readonly maxRequestBytes: number;
}

/**
 * Defines a command. Use strict schemas with bounds on every string, array and record.
 * @param definition.timeoutMs default 10 s, at most 60 s: what takes longer answers at once and is asked for later
 * @throws TypeError when a bound is beyond what the bus allows
 */
export function defineCommand<Request extends z.ZodType, Reply extends z.ZodType>(definition: {
  name: string;
  request: Request;
  reply: Reply;
  timeoutMs?: number;
  maxRequestBytes?: number;
}): Command<Request, Reply> {
  const { timeoutMs = LIMITS.commandMs, maxRequestBytes = LIMITS.commandBytes } = definition;
  if (!(timeoutMs > 0 && timeoutMs <= LIMITS.commandMaxMs))
    throw new TypeError(`${definition.name}: timeoutMs must be up to ${String(LIMITS.commandMaxMs)}`);
  if (!(maxRequestBytes > 0 && maxRequestBytes <= LIMITS.commandBytes))
    throw new TypeError(`${definition.name}: maxRequestBytes must be up to ${String(LIMITS.commandBytes)}`);
  return Object.freeze({ ...definition, timeoutMs, maxRequestBytes });
}

/** A command that has only a name: nothing is checked but that it is JSON, and its size. */
export function untyped(name: string): Pick<Command, 'name' | 'timeoutMs' | 'maxRequestBytes'> {
  return { name, timeoutMs: LIMITS.commandMs, maxRequestBytes: LIMITS.commandBytes };
}

/**
 * The value as the schema gives it.
 * @throws InstrumentError with this code, and with the JSON pointer of the first fault in message and fields
 */
export function checked<T extends z.ZodType>(
  schema: T,
  value: unknown,
  about: { code: InstrumentErrorCode; what: string; fields: Readonly<Record<string, string>> },
): z.output<T> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const at = issue?.code === 'unrecognized_keys' ? [...issue.path, issue.keys[0] ?? ''] : (issue?.path ?? []);
  const pointer = pointerOf(at).slice(0, 200);
  throw new InstrumentError({
    code: about.code,
    message: `${about.what} is not valid: ${pointer}: ${(issue?.message ?? 'not valid').slice(0, 200)}`,
    hint: 'Both ends must use the same definition of the command; see which versions of the instruments run.',
    fields: { ...about.fields, pointer },
    cause: result.error,
  });
}
