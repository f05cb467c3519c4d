import { isMap, isSeq, parseDocument, stringify, type Document } from 'yaml';
import type { Grants, SensorConfig } from '../../contracts/index.ts';
import { parseSensorConfig } from '../config-file.ts';
import { digestOf } from '../desired.ts';

const LISTS = ['capabilities', 'publish', 'read', 'send', 'egress', 'downloads', 'deliver'] as const;
const FLAGS = ['fetch', 'ui'] as const;

/**
 * A configuration document with other grants for one instrument. Comments and layout stay; where the document is written so that
 * they cannot (aliases), it is written anew. Pure.
 * @param document valid, and with that instrument in it
 */
export function withGrants(document: string, instrument: string, grants: Grants): string {
  const config = parseSensorConfig(document, 'in force');
  const json = jsonOf(document);
  if (json !== undefined)
    return `${JSON.stringify(replaced(json, instrument, short(grants)), undefined, 2)}\n`;
  const wanted = meaning(replaced(config, instrument, grants));
  const edited = edit(document, config, instrument, grants);
  if (edited !== undefined && meaning(parsed(edited)) === wanted) return edited;
  const data = parseDocument(document, { version: '1.2', schema: 'core' }).toJS({
    maxAliasCount: 50,
  }) as Pick<SensorConfig, 'instruments'>;
  return stringify(replaced(data, instrument, short(grants)), { aliasDuplicateObjects: false });
}

/** Undefined when the document cannot be edited in place. */
function edit(text: string, config: SensorConfig, instrument: string, grants: Grants): string | undefined {
  const document = parseDocument(text, { version: '1.2', schema: 'core' });
  const index = config.instruments.findIndex(({ name }) => name === instrument);
  const before = config.instruments[index]?.grants;
  if (before === undefined) return undefined;
  const at = ['instruments', index, 'grants'];
  try {
    for (const list of LISTS) editList(document, [...at, list], before[list], grants[list]);
    for (const flag of FLAGS) {
      if (grants[flag] === before[flag]) continue;
      if (grants[flag]) document.setIn([...at, flag], true);
      else document.deleteIn([...at, flag]);
    }
    const rest = document.getIn(at);
    if (isMap(rest) && rest.items.length === 0) document.deleteIn(at);
    return document.toString({ lineWidth: 0 });
  } catch {
    return undefined; // an alias stands in the way
  }
}

function editList(
  document: Document,
  at: (string | number)[],
  before: readonly unknown[],
  after: readonly unknown[],
): void {
  const keep = new Set(after.map(digestOf));
  const there = new Set(before.map(digestOf));
  for (let index = before.length - 1; index >= 0; index -= 1) {
    if (!keep.has(digestOf(before[index]))) document.deleteIn([...at, index]);
  }
  for (const value of after) {
    if (there.has(digestOf(value))) continue;
    const node = document.createNode(shortValue(value), { flow: true });
    if (document.hasIn(at)) document.addIn(at, node);
    else document.setIn(at, document.createNode([node]));
  }
  const left = document.getIn(at);
  if (isSeq(left) && left.items.length === 0) document.deleteIn(at);
}

function replaced<T extends { instruments: readonly { name: string }[] }>(
  config: T,
  instrument: string,
  grants: unknown,
): T {
  return {
    ...config,
    instruments: config.instruments.map((one) => (one.name === instrument ? { ...one, grants } : one)),
  };
}

/** Without what is so anyway. */
function short(grants: Grants): Partial<Grants> {
  return Object.fromEntries(
    Object.entries(grants).filter(([, value]) => (Array.isArray(value) ? value.length > 0 : value)),
  );
}

function shortValue(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const isDefault = ([key, inner]: [string, unknown]) =>
    inner === undefined ||
    (key === 'privateAddresses' && inner === false) ||
    (Array.isArray(inner) && inner.length === 0);
  return Object.fromEntries(Object.entries(value).filter((entry) => !isDefault(entry)));
}

/** The document as data, when it is JSON: then it stays JSON. */
function jsonOf(document: string): Pick<SensorConfig, 'instruments'> | undefined {
  try {
    return JSON.parse(document) as Pick<SensorConfig, 'instruments'>;
  } catch {
    return undefined;
  }
}

/** Equal for configurations that differ in the order of grants only. */
function meaning(config: SensorConfig | undefined): string {
  const instruments = config?.instruments.map((one) => ({
    ...one,
    grants: Object.entries(one.grants).map(([, value]) =>
      Array.isArray(value) ? value.map(digestOf).sort() : value,
    ),
  }));
  return digestOf({ ...config, instruments });
}

function parsed(text: string): SensorConfig | undefined {
  try {
    return parseSensorConfig(text, 'edited');
  } catch {
    return undefined;
  }
}
