import type { InstrumentStatus, MonitorStatus, SensorStatus } from '../contracts/index.ts';
import { describeError, type Logger } from '../kernel/index.ts';
import { activeInterfaces } from './active-feature.ts';
import { configFeature } from './config-feature.ts';
import { dataFeature } from './data.ts';
import { deliveriesFeature } from './deliveries/feature.ts';
import { devFeature } from './dev.ts';
import { dnsFeature } from './dns.ts';
import { downloadsFeature } from './downloads/feature.ts';
import { eventStoreFeature } from './event-store.ts';
import type { Feature, FeatureContext } from './feature.ts';
import { fleetFeature } from './fleet-feature.ts';
import { grantsFeature } from './grants/feature.ts';
import { instrumentSetup } from './instrument-setup.ts';
import { keysFeature } from './keys-feature.ts';
import { feedChecks } from './feed-checks.ts';
import { lossLedger } from './ledger.ts';
import { messagesFeature } from './messages.ts';
import { metricsFeature } from './metrics.ts';
import { storeHealthFeature } from './store-health.ts';
import { supportFeature } from './support.ts';
import { uplinkFeature } from './uplink-feature.ts';
import { useFeature } from './use/feature.ts';

/** Every feature of a sensor, in the order in which they start. */
const FEATURES: readonly ((context: FeatureContext) => Feature)[] = [
  storeHealthFeature,
  eventStoreFeature,
  messagesFeature,
  configFeature,
  instrumentSetup,
  grantsFeature,
  keysFeature,
  metricsFeature,
  devFeature,
  supportFeature,
  feedChecks,
  useFeature,
  lossLedger,
  deliveriesFeature,
  downloadsFeature,
  dataFeature,
  dnsFeature,
  activeInterfaces,
  fleetFeature,
  uplinkFeature,
];

/** Makes the features; nothing is started. */
export function openFeatures(context: Omit<FeatureContext, 'features'>): Feature[] {
  const features: Feature[] = [];
  for (const open of FEATURES) features.push(open({ ...context, features: () => features }));
  return features;
}

/**
 * Starts and stops features, each for itself.
 *
 * INVARIANTS: `start` once, then `stop` once; `stop` reaches every feature, in reverse order, and never rejects.
 */
export class FeatureSet {
  readonly #features: readonly Feature[];
  readonly #log: Logger;
  readonly #failed = new Map<string, string>();

  constructor(features: readonly Feature[], log: Logger) {
    this.#features = features;
    this.#log = log;
  }

  get all(): readonly Feature[] {
    return this.#features;
  }

  async start(): Promise<void> {
    for (const feature of this.#features) {
      await feature.start().catch((error: unknown) => {
        this.#failed.set(feature.name, describeError(error));
        this.#log.error({ err: error, feature: feature.name }, `${feature.name} could not be started`);
      });
    }
  }

  async stop(): Promise<void> {
    for (const feature of [...this.#features].reverse()) {
      await feature.stop().catch((error: unknown) => {
        this.#log.error({ err: error, feature: feature.name }, `${feature.name} did not end in order`);
      });
    }
  }

  monitor(name: string): Pick<MonitorStatus, 'feed'> {
    return Object.assign({}, ...this.#features.map((feature) => feature.monitor?.(name) ?? {})) as Pick<
      MonitorStatus,
      'feed'
    >;
  }

  instrument(name: string): Pick<InstrumentStatus, 'use'> {
    return Object.assign({}, ...this.#features.map((feature) => feature.instrument?.(name) ?? {})) as Pick<
      InstrumentStatus,
      'use'
    >;
  }

  machine(): Pick<SensorStatus, 'host' | 'volumes'> {
    return Object.assign({}, ...this.#features.map((feature) => feature.machine?.() ?? {})) as Pick<
      SensorStatus,
      'host' | 'volumes'
    >;
  }

  attention(): string[] {
    return [
      ...[...this.#failed].map(([name, error]) => `${name} could not be started: ${error}`),
      ...this.#features.flatMap((feature) => feature.attention?.() ?? []),
    ];
  }
}
