/** JSON values; objects are plain. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = Record<string, Json>;

/** Who put a value there. Later ones stand above earlier ones. */
export type Layer = 'base' | 'group' | 'sensor';

/** Lists of a configuration whose things are known by their name, also where the layer below has none. */
const NAMED_LISTS = new Set(['/monitorInterfaces', '/activeInterfaces', '/instruments']);
/** Names that would reach into the objects themselves. */
const FORBIDDEN_KEYS = new Set(['__proto__', 'constructor', 'prototype']);
const DEPTH_MOST = 32;

/**
 * Lays `patch` over `target` as JSON merge patch (RFC 7386) does: objects go into objects, `null` takes away, anything else
 * replaces. One thing more: where a list of named things stands, an object goes into it by name, so that one option of one
 * instrument can be changed without repeating the list: `{instruments: {suricata: {options: {…}}}}`.
 * Pure; the result shares nothing that is changed later.
 */
export function applyPatch(target: Json | undefined, patch: Json, pointer = ''): Json {
  if (!isObject(patch)) return patch;
  const list = namedList(target, pointer);
  if (list !== undefined) return patchList(list, patch, pointer);
  const result = new Map(isObject(target) ? Object.entries(target) : []);
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) result.delete(key);
    else result.set(key, applyPatch(result.get(key), value, below(pointer, key)));
  }
  return Object.fromEntries(result);
}

/** One patch that does what `first` and then `second` would do. */
export function composePatches(first: Json | undefined, second: Json, pointer = ''): Json {
  if (Array.isArray(first)) return applyPatch(first, second, pointer);
  if (!isObject(first) || !isObject(second)) return second;
  const result: JsonObject = { ...first };
  for (const [key, value] of Object.entries(second)) {
    result[key] = composePatches(result[key], value, below(pointer, key));
  }
  return result;
}

/** The patch that makes `to` of `from`; undefined when they are the same but for the order of named things. */
export function patchBetween(from: Json | undefined, to: Json, pointer = ''): Json | undefined {
  const before = partsOf(from, pointer);
  const after = partsOf(to, pointer);
  if (before === undefined || after === undefined || Array.isArray(from) !== Array.isArray(to)) {
    return JSON.stringify(from) === JSON.stringify(to) ? undefined : to;
  }
  const patch: JsonObject = {};
  for (const key of before.keys()) if (!after.has(key)) patch[key] = null;
  for (const [key, value] of after) {
    const change = patchBetween(before.get(key), value, below(pointer, key));
    if (change !== undefined) patch[key] = change;
  }
  return Object.keys(patch).length === 0 ? undefined : patch;
}

/** Who put each value of a stack of layers there. A value that was taken away is listed under who did that. */
export function originsOf(layers: readonly { layer: Layer; document: Json }[]): Record<string, Layer> {
  const origins = new Map<string, Layer>();
  let below: Json | undefined;
  for (const { layer, document } of layers) {
    note(origins, below, document, '', layer);
    below = below === undefined ? document : applyPatch(below, document);
  }
  return Object.fromEntries([...origins].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** What stands at a pointer; things in lists are found by name. */
export function valueAt(document: Json | undefined, pointer: string): Json | undefined {
  if (pointer === '') return document;
  let at = document;
  let path = '';
  for (const part of pointer.slice(1).split('/')) {
    const parts = partsOf(at, path);
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
    at = parts?.get(key);
    path = below(path, key);
  }
  return at;
}

/** Where two documents differ. `pointer` as in {@link valueAt}. */
export function differencesOf(
  before: Json | undefined,
  after: Json | undefined,
  pointer = '',
): { pointer: string; before?: Json; after?: Json }[] {
  const left = partsOf(before, pointer);
  const right = partsOf(after, pointer);
  if (left === undefined || right === undefined || Array.isArray(before) !== Array.isArray(after)) {
    if (JSON.stringify(before) === JSON.stringify(after)) return [];
    return [
      {
        pointer: pointer || '/',
        ...(before === undefined ? {} : { before }),
        ...(after === undefined ? {} : { after }),
      },
    ];
  }
  return [...new Set([...left.keys(), ...right.keys()])].flatMap((key) =>
    differencesOf(left.get(key), right.get(key), below(pointer, key)),
  );
}

/** Why a value from outside cannot be a layer; undefined when it can. */
export function faultOfLayer(value: unknown, depth = 0): string | undefined {
  if (depth > DEPTH_MOST) return `is nested more than ${String(DEPTH_MOST)} deep`;
  if (typeof value === 'number' && !Number.isFinite(value)) return 'holds a number that is none';
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [key, inner] of Object.entries(value)) {
    if (!Array.isArray(value) && FORBIDDEN_KEYS.has(key)) return `has the forbidden key "${key}"`;
    const fault = faultOfLayer(inner, depth + 1);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function patchList(list: ReadonlyMap<string, Json>, patch: JsonObject, pointer: string): Json {
  const result = new Map(list);
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) result.delete(name);
    else {
      const item = applyPatch(result.get(name), value, below(pointer, name));
      // The key is the name: a patch does not rename.
      result.set(name, isObject(item) ? { ...item, name } : item);
    }
  }
  return [...result.values()];
}

function note(
  origins: Map<string, Layer>,
  target: Json | undefined,
  patch: Json,
  pointer: string,
  layer: Layer,
): void {
  const inside = isObject(patch) && (isObject(target) || namedList(target, pointer) !== undefined);
  if (!inside) {
    for (const known of [...origins.keys()]) {
      if (known === pointer || known.startsWith(`${pointer}/`)) origins.delete(known);
    }
    for (const leaf of leavesOf(patch, pointer)) origins.set(leaf, layer);
    return;
  }
  // What was empty is not any more.
  if (Object.keys(patch).length > 0 && origins.has(pointer)) origins.delete(pointer);
  const parts = partsOf(target, pointer);
  for (const [key, value] of Object.entries(patch)) {
    note(origins, parts?.get(key), value, below(pointer, key), layer);
  }
}

function leavesOf(value: Json, pointer: string): string[] {
  const parts = partsOf(value, pointer);
  if (parts === undefined || parts.size === 0) return [pointer];
  return [...parts].flatMap(([key, inner]) => leavesOf(inner, below(pointer, key)));
}

/** What an object or a list of named things consists of; undefined for what is one value. */
function partsOf(value: Json | undefined, pointer: string): ReadonlyMap<string, Json> | undefined {
  if (isObject(value)) return new Map(Object.entries(value));
  return Array.isArray(value) ? namedList(value, pointer) : undefined;
}

/** A list whose things have each a name of its own. Absent where one is known to belong, it is an empty one. */
function namedList(value: Json | undefined, pointer: string): ReadonlyMap<string, Json> | undefined {
  if (value === undefined) return NAMED_LISTS.has(pointer) ? new Map() : undefined;
  if (!Array.isArray(value)) return undefined;
  if (value.length === 0) return NAMED_LISTS.has(pointer) ? new Map() : undefined;
  const named = new Map<string, Json>();
  for (const item of value) {
    const name = isObject(item) ? item['name'] : undefined;
    if (typeof name !== 'string' || named.has(name)) return undefined;
    named.set(name, item);
  }
  return named;
}

function below(pointer: string, key: string): string {
  return `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}
