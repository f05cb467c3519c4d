/** One place where two documents differ. */
export interface ConfigDifference {
  /** JSON pointer; things in a list that have a `name` are found by it: `/instruments/suricata/enabled`. */
  pointer: string;
  /** Absent = it is not there. */
  before?: unknown;
  after?: unknown;
}

/** At most this many differences are told one by one. */
const MAX_DIFFERENCES = 1000;

/**
 * What differs between two documents as data. Pure. Lists of named things are compared by name, so that one more
 * instrument is one difference and not many.
 */
export function configDifferences(before: unknown, after: unknown): ConfigDifference[] {
  const found: ConfigDifference[] = [];
  compare('', before, after, found);
  return found.sort((a, b) => (a.pointer < b.pointer ? -1 : 1));
}

function compare(pointer: string, before: unknown, after: unknown, found: ConfigDifference[]): void {
  if (found.length >= MAX_DIFFERENCES) return;
  const left = fieldsOf(before);
  const right = fieldsOf(after);
  if (left === undefined || right === undefined || Array.isArray(before) !== Array.isArray(after)) {
    if (JSON.stringify(before) === JSON.stringify(after)) return;
    found.push({
      pointer: pointer || '/',
      ...(before === undefined ? {} : { before }),
      ...(after === undefined ? {} : { after }),
    });
    return;
  }
  for (const key of new Set([...left.keys(), ...right.keys()])) {
    compare(
      `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`,
      left.get(key),
      right.get(key),
      found,
    );
  }
}

function fieldsOf(value: unknown): Map<string, unknown> | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  if (!Array.isArray(value)) return new Map(Object.entries(value));
  const names = value.map(nameOf);
  // A list whose things have no names, or not each its own, is one value.
  if (names.length === 0 || names.includes(undefined) || new Set(names).size !== names.length) {
    return names.length === 0 ? new Map() : undefined;
  }
  return new Map(value.map((item, index) => [names[index] ?? '', item as unknown]));
}

function nameOf(value: unknown): string | undefined {
  const name = (value as { name?: unknown } | null)?.name;
  return typeof name === 'string' ? name : undefined;
}
