import type { Duplex } from 'node:stream';
import { SensorConfigSchema, type SensorConfig } from '@bulkhead/platform/contracts';
import type { Feature, FeatureContext } from '../../../platform/sensord/feature.ts';
import { uplinkFeature } from '../../../platform/sensord/uplink-feature.ts';
import type { BusBench } from '../nats.ts';
import { HUB_LOG } from './hub-bench.ts';

/** The link to the fleet, as far as the uplink uses it. */
export interface UplinkLink {
  sensorId: () => string | undefined;
  up: () => boolean;
  watch: (changed: (up: boolean) => void) => () => void;
  openUplink: (publicKey: string) => Promise<Duplex>;
}

/** The feature of sensord that brings events to the fleet, on a bus of its own; not started. */
export function uplinkFeatureOn(
  bench: BusBench,
  link: UplinkLink,
): { feature: Feature; configure: (values: Partial<Record<keyof SensorConfig, unknown>>) => void } {
  let config = SensorConfigSchema.parse({ version: 1, sensor: { name: 'lab' } });
  const fleet = { ...link, name: 'fleet', start: async () => undefined, stop: async () => undefined };
  const features: Feature[] = [fleet];
  // What the feature uses of the rest of sensord.
  const context = {
    site: bench.site,
    log: HUB_LOG,
    rooms: { bus: bench.bus, storage: { deriveSecret: bench.secret } },
    configuration: {
      get inUse() {
        return { config };
      },
    },
    features: () => features,
  } as unknown as FeatureContext;
  const feature = uplinkFeature(context);
  features.push(feature);
  return {
    feature,
    configure: (values) => {
      config = SensorConfigSchema.parse({ ...config, ...values });
    },
  };
}
