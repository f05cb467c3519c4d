import { createHmac } from 'node:crypto';
import type { FieldRule } from '../contracts/index.ts';

type Fields = Record<string, unknown>;

/** Applies an operator's rules to records. */
export interface FieldPolicy {
  /** No rule for this type: records pass as they are, byte for byte. */
  spares(type: string): boolean;
  /** Changes the record, which must be the caller's own copy. Never throws; what cannot be treated is dropped. */
  apply(type: string, record: Fields): void;
}

/** Deepest value below a field that is made a pseudonym; what lies deeper is dropped. */
const MAX_DEPTH = 64;
const PSEUDONYM = /^p-[0-9a-f]{24}$/;

/**
 * Compiles the rules of one place. Rules act one after the other, so what one dropped the next does not see.
 * @param secret key of the pseudonyms; the same value becomes the same pseudonym in every field, for this key.
 */
export function compileFieldPolicy(
  rules: readonly FieldRule[],
  at: FieldRule['at'],
  secret: Uint8Array,
): FieldPolicy {
  const compiled = rules
    .filter((rule) => rule.at === at)
    .map((rule) => ({
      keys: rule.path.split('.'),
      types: rule.types === undefined ? undefined : new Set(rule.types),
      change: rule.action === 'drop' ? () => undefined : (value: unknown) => pseudonyms(value, secret, 0),
    }));
  const of = (type: string) => compiled.filter(({ types }) => types?.has(type) !== false);
  return {
    spares: (type) => of(type).length === 0,
    apply: (type, record) => {
      for (const { keys, change } of of(type)) changeAt(record, keys, 0, change);
    },
  };
}

/** A rule in words: `storage: drop http.url (http)`. */
export function fieldRuleText({ action, path, types, at }: FieldRule): string {
  return `${at}: ${action} ${path}${types === undefined ? '' : ` (${types.join(', ')})`}`;
}

function changeAt(
  value: unknown,
  keys: readonly string[],
  index: number,
  change: (value: unknown) => unknown,
): void {
  if (typeof value !== 'object' || value === null) return;
  if (Array.isArray(value)) {
    // Arrays in arrays do not count as keys, so their depth is not bounded by the path: one level is looked through.
    for (const item of value) if (!Array.isArray(item)) changeAt(item, keys, index, change);
    return;
  }
  const wanted = keys[index] ?? '';
  const fields = value as Fields;
  const present = wanted === '*' ? Object.keys(fields) : Object.hasOwn(fields, wanted) ? [wanted] : [];
  for (const key of present) {
    if (index < keys.length - 1) {
      changeAt(fields[key], keys, index + 1, change);
      continue;
    }
    const changed = change(fields[key]);
    // Never by assignment: a record may have a key `__proto__` of its own.
    if (changed === undefined) Reflect.deleteProperty(fields, key);
    else
      Object.defineProperty(fields, key, {
        value: changed,
        enumerable: true,
        configurable: true,
        writable: true,
      });
  }
}

/** The value with every text and number in it replaced; undefined below the deepest level that is treated. */
function pseudonyms(value: unknown, secret: Uint8Array, depth: number): unknown {
  if (typeof value === 'string' || typeof value === 'number') return pseudonym(String(value), secret);
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= MAX_DEPTH) return undefined;
  if (Array.isArray(value)) return value.map((item) => pseudonyms(item, secret, depth + 1) ?? null);
  const copy: Fields = Object.create(null) as Fields;
  for (const [key, inner] of Object.entries(value)) copy[key] = pseudonyms(inner, secret, depth + 1);
  return copy;
}

function pseudonym(text: string, secret: Uint8Array): string {
  // A record that was treated before (a store that is filled anew) keeps its pseudonyms.
  if (PSEUDONYM.test(text)) return text;
  return `p-${createHmac('sha256', secret).update(text).digest('hex').slice(0, 24)}`;
}
