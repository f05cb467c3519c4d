import type { AttentionItem } from '@bulkhead/fleet-api';
import type { Ca } from '../ca/index.ts';
import { notifyFeature, sealKey, type AlertSource } from '../notify/index.ts';
import { openSeal } from '../people/index.ts';
import { fleetSettings, type FleetSettings } from '../settings/index.ts';
import type { FleetFeature } from '../web/index.ts';
import type { FleetContext } from './context.ts';

/** What the fleet can be told in the app, beside its configuration file. */
export function openSettings({ config, store }: FleetContext, ca: Ca): FleetSettings {
  const isGiven = config.web.certificate !== undefined;
  return fleetSettings({
    db: store.db,
    stateDir: config.stateDir,
    keeping: config.events,
    configFile: config.configFile,
    certificates: () => [
      { what: 'ca', given: false, pem: ca.certificate },
      ...(config.web.plainHttp ? [] : [{ what: 'web' as const, given: isGiven, pem: ca.web.current().cert }]),
      { what: 'link', given: false, pem: ca.linkPair().cert },
    ],
    clock: Date.now,
  });
}

/** Notifications: told of what every other feature says, so they come last. */
export async function openNotifications(
  { config, names, store, log, webPort }: FleetContext,
  others: () => readonly FleetFeature[],
  alerts: AlertSource,
  nameOf: (sensor: string) => string | undefined,
): Promise<FleetFeature> {
  const host = names.main.includes(':') ? `[${names.main}]` : names.main;
  return notifyFeature(
    {
      db: store.db,
      seal: openSeal(await sealKey(config.stateDir)),
      log,
      attention: () => others().flatMap((feature): AttentionItem[] => feature.attention?.() ?? []),
      from: () => ({
        fleet: names.main,
        url: `${config.web.plainHttp ? 'http' : 'https'}://${host}:${String(webPort())}`,
        nameOf,
      }),
      clock: Date.now,
    },
    alerts,
  );
}
