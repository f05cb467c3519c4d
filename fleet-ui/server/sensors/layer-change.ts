import { BulkheadError } from '@bulkhead/platform/kernel';
import { effectiveConfig, type EffectiveConfig } from './effective-config.ts';
import { applyPatch, differencesOf, isObject, patchBetween, type Json, type JsonObject } from './layers.ts';
import type { SensorRecord } from './registry.ts';

/** The layers of one sensor. */
export interface Layers {
  base: JsonObject | undefined;
  group: JsonObject | undefined;
  overrides: JsonObject;
}

/** @throws BulkheadError FLEET_SENSORS_CONFIG_MISSING, FLEET_SENSORS_CONFIG_INVALID */
export function effectiveOf(
  { base, group, overrides }: Layers,
  sensor: Pick<SensorRecord, 'name'>,
): EffectiveConfig {
  if (base === undefined) {
    throw new BulkheadError({
      code: 'FLEET_SENSORS_CONFIG_MISSING',
      message: `What "${sensor.name}" had when it was adopted is not known yet.`,
      fields: { sensor: sensor.name },
    });
  }
  return effectiveConfig(base, group, overrides);
}

/**
 * Layers that make exactly `document`: without a group it is the new base; with one, what differs from base and group becomes
 * the sensor's own. Pure.
 * @throws BulkheadError FLEET_SENSORS_OVERLAY_INVALID where an override cannot say it
 */
export function layersFor(document: JsonObject, { base, group }: Pick<Layers, 'base' | 'group'>): Layers {
  if (group === undefined || Object.keys(group).length === 0) return { base: document, group, overrides: {} };
  const lower = base ?? document;
  const below = applyPatch(lower, group);
  const patch = patchBetween(below, document);
  const overrides = isObject(patch) ? patch : {};
  if (differencesOf(applyPatch(below, overrides), document).length > 0) {
    throw new BulkheadError({
      code: 'FLEET_SENSORS_OVERLAY_INVALID',
      message: 'The configuration holds null where its group has a value: an override cannot say that.',
      hint: 'Leave that value out, or take the sensor out of its group.',
    });
  }
  return { base: lower, group, overrides };
}

/** What would change, against what is wanted now. */
export function previewOf(
  before: Json | undefined,
  layers: Layers,
  sensor: Pick<SensorRecord, 'name'>,
): { valid: boolean; problem?: string; pointer?: string; differences: ReturnType<typeof differencesOf> } {
  try {
    const { document } = effectiveOf(layers, sensor);
    return { valid: true, differences: differencesOf(before, document).slice(0, 1000) };
  } catch (error) {
    if (!(error instanceof BulkheadError)) throw error;
    const pointer = error.fields['pointer'];
    return {
      valid: false,
      problem: error.message,
      ...(typeof pointer === 'string' ? { pointer } : {}),
      differences: [],
    };
  }
}
