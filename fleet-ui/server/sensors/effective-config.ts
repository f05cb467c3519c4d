import { parse, stringify } from 'yaml';
import { SensorConfigSchema, type SensorConfig } from '@bulkhead/platform/contracts';
import { BulkheadError, parseStrict } from '@bulkhead/platform/kernel';
import {
  applyPatch,
  faultOfLayer,
  isObject,
  originsOf,
  valueAt,
  type Json,
  type JsonObject,
  type Layer,
} from './layers.ts';

/** What a sensor should be, and why. */
export interface EffectiveConfig {
  /** Complete, with the defaults of this version. */
  config: SensorConfig;
  /** What was put together, without defaults: this is sent, so that a sensor of the version before can read it. */
  document: JsonObject;
  /** JSON pointer (things in lists by name) → who put the value there. */
  origin: Record<string, Layer>;
  overridden: Overridden[];
}

/** A value that one layer put above another. */
export interface Overridden {
  pointer: string;
  by: 'group' | 'sensor';
  /** Absent: it was taken away. */
  value?: Json;
  hides?: { by: Layer; value: Json };
}

const LAYER_CHARACTERS = 262_144;
const LAYER_WORDS: Record<Layer, string> = {
  base: 'its base',
  group: 'its group',
  sensor: 'its own overrides',
};

/**
 * Base, group and the sensor's own overrides make one configuration. Pure.
 * @throws BulkheadError FLEET_SENSORS_CONFIG_INVALID with `fields.pointer` and `fields.layer`
 */
export function effectiveConfig(
  base: JsonObject,
  group: JsonObject | undefined,
  sensorOverrides: JsonObject,
): EffectiveConfig {
  const withGroup = group === undefined ? base : applyPatch(base, group);
  const document = applyPatch(withGroup, sensorOverrides);
  const layers = [
    { layer: 'base' as const, document: base },
    ...(group === undefined ? [] : [{ layer: 'group' as const, document: group }]),
    { layer: 'sensor' as const, document: sensorOverrides },
  ];
  const origin = originsOf(layers);
  const lower = originsOf(layers.slice(0, -1));
  return {
    config: validate(document, origin),
    document: document as JsonObject,
    origin,
    overridden: Object.entries(origin).flatMap(([pointer, by]) => {
      if (by === 'base') return [];
      const value = valueAt(document, pointer);
      const hidden = by === 'sensor' ? valueAt(withGroup, pointer) : valueAt(base, pointer);
      const hides =
        hidden === undefined
          ? undefined
          : { by: by === 'sensor' ? (lower[pointer] ?? 'base') : ('base' as const), value: hidden };
      // Taken away from where nothing was: nobody needs to know.
      if (value === undefined && hides === undefined) return [];
      return [
        { pointer, by, ...(value === undefined ? {} : { value }), ...(hides === undefined ? {} : { hides }) },
      ];
    }),
  };
}

/** The YAML that is sent. */
export function documentText(document: JsonObject): string {
  return stringify(document, { lineWidth: 120, aliasDuplicateObjects: false });
}

/**
 * A whole configuration as somebody wrote it.
 * @throws BulkheadError FLEET_SENSORS_CONFIG_INVALID
 */
export function readDocument(text: string): JsonObject {
  let value: Json;
  try {
    // A bounded number of aliases: a small text must not become a large value.
    value = parse(text, { maxAliasCount: 100 }) as Json;
  } catch (cause) {
    throw invalid(`is no YAML: ${cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : ''}`, cause);
  }
  const fault = faultOfLayer(value);
  if (fault !== undefined || !isObject(value)) throw invalid(fault ?? 'is no object');
  parseStrict(SensorConfigSchema, value, 'FLEET_SENSORS_CONFIG_INVALID', 'The configuration');
  return value;
}

/**
 * Checks what a group or a sensor lays over a configuration, as far as that can be said without one.
 * @throws BulkheadError FLEET_SENSORS_OVERLAY_INVALID
 */
export function checkOverlay(overlay: unknown, of: 'group' | 'sensor'): JsonObject {
  const fault = faultOfLayer(overlay);
  if (fault !== undefined) throw overlayInvalid(fault);
  const value = overlay as JsonObject;
  if (JSON.stringify(value).length > LAYER_CHARACTERS) throw overlayInvalid('is larger than 256 KiB');
  const known = new Set(Object.keys(SensorConfigSchema.shape));
  for (const key of Object.keys(value)) {
    if (!known.has(key)) throw overlayInvalid(`has the unknown key "${key}"`, `/${key}`);
    if (key === 'version' || (of === 'group' && key === 'sensor')) {
      throw overlayInvalid(`must not change "${key}", which is each sensor's own`, `/${key}`);
    }
  }
  return value;
}

function validate(document: Json, origin: Readonly<Record<string, Layer>>): SensorConfig {
  try {
    return parseStrict(SensorConfigSchema, document, 'FLEET_SENSORS_CONFIG_INVALID', 'The configuration');
  } catch (error) {
    if (!(error instanceof BulkheadError)) throw error;
    const pointer = byName(document, String(error.fields['pointer'] ?? '/'));
    const layer = layerOf(origin, pointer);
    throw new BulkheadError({
      code: 'FLEET_SENSORS_CONFIG_INVALID',
      message: `${error.message} (${pointer} comes from ${LAYER_WORDS[layer]})`,
      fields: { pointer, layer },
      cause: error,
    });
  }
}

/** A pointer with indexes, as validation gives it, with names where the list has them. */
function byName(document: Json, pointer: string): string {
  let at: Json | undefined = document;
  const path: string[] = [];
  for (const part of pointer.split('/').slice(1)) {
    const item: Json | undefined = Array.isArray(at)
      ? at[Number(part)]
      : isObject(at)
        ? at[part.replaceAll('~1', '/').replaceAll('~0', '~')]
        : undefined;
    const name = Array.isArray(at) && isObject(item) ? item['name'] : undefined;
    path.push(typeof name === 'string' ? name : part);
    at = item;
  }
  return `/${path.join('/')}`;
}

function layerOf(origin: Readonly<Record<string, Layer>>, pointer: string): Layer {
  for (let at = pointer; at !== ''; at = at.slice(0, at.lastIndexOf('/'))) {
    const layer = origin[at];
    if (layer !== undefined) return layer;
  }
  const inside = Object.entries(origin).filter(([known]) => known.startsWith(`${pointer}/`));
  return inside.some(([, layer]) => layer === 'sensor')
    ? 'sensor'
    : (inside.find(([, layer]) => layer === 'group')?.[1] ?? 'base');
}

function invalid(why: string, cause?: unknown): BulkheadError {
  return new BulkheadError({
    code: 'FLEET_SENSORS_CONFIG_INVALID',
    message: `The configuration ${why}.`,
    fields: { pointer: '/' },
    ...(cause === undefined ? {} : { cause }),
  });
}

function overlayInvalid(why: string, pointer = '/'): BulkheadError {
  return new BulkheadError({
    code: 'FLEET_SENSORS_OVERLAY_INVALID',
    message: `What is laid over the configuration ${why}.`,
    fields: { pointer },
  });
}
