import { BUS_ERRORS } from './errors/bus.ts';
import { CLI_ERRORS } from './errors/cli.ts';
import { DATA_ERRORS } from './errors/data.ts';
import { EVENTS_ERRORS } from './errors/events.ts';
import { FLEET_ASSETS_ERRORS } from './errors/fleet-assets.ts';
import { FLEET_CA_ERRORS } from './errors/fleet-ca.ts';
import { FLEET_SENSORS_ERRORS } from './errors/fleet-sensors.ts';
import { FLEET_DATA_ERRORS } from './errors/fleet-data.ts';
import { FLEET_EVENTS_ERRORS } from './errors/fleet-events.ts';
import { FLEET_IMPORTS_ERRORS } from './errors/fleet-imports.ts';
import { FLEET_LINK_ERRORS } from './errors/fleet-link.ts';
import { FLEET_LINKS_ERRORS } from './errors/fleet-links.ts';
import { FLEET_NOTIFY_ERRORS } from './errors/fleet-notify.ts';
import { FLEET_PEOPLE_ERRORS } from './errors/fleet-people.ts';
import { FLEET_PROXY_ERRORS } from './errors/fleet-proxy.ts';
import { FLEET_STORE_ERRORS } from './errors/fleet-store.ts';
import { FLEET_WEB_ERRORS } from './errors/fleet-web.ts';
import { FLEET_FLEETD_ERRORS } from './errors/fleet-fleetd.ts';
import { HEALTH_ERRORS } from './errors/health.ts';
import { KERNEL_ERRORS } from './errors/kernel.ts';
import { LXD_ERRORS } from './errors/lxd.ts';
import { NETWORK_ERRORS } from './errors/network.ts';
import { PACKAGES_ERRORS } from './errors/packages.ts';
import { RUNTIME_ERRORS } from './errors/runtime.ts';
import { SENSORD_ERRORS } from './errors/sensord.ts';
import { START_ERRORS } from './errors/start.ts';
import { STORAGE_ERRORS } from './errors/storage.ts';

/** What a code means and what to do, for people. A test ties the catalogue to the sources. */
export interface CatalogueEntry {
  title: string;
  hint: string;
  /** HTTP status with which the fleet answers it; without, by how the code ends. */
  status?: number;
}

/** Every code that the platform can raise; one file per room below `errors/`. */
export const ERROR_CATALOGUE: Readonly<Record<string, CatalogueEntry>> = Object.freeze({
  ...KERNEL_ERRORS,
  ...LXD_ERRORS,
  ...RUNTIME_ERRORS,
  ...BUS_ERRORS,
  ...NETWORK_ERRORS,
  ...STORAGE_ERRORS,
  ...PACKAGES_ERRORS,
  ...DATA_ERRORS,
  ...EVENTS_ERRORS,
  ...HEALTH_ERRORS,
  ...SENSORD_ERRORS,
  ...CLI_ERRORS,
  ...START_ERRORS,
  ...FLEET_ASSETS_ERRORS,
  ...FLEET_CA_ERRORS,
  ...FLEET_SENSORS_ERRORS,
  ...FLEET_DATA_ERRORS,
  ...FLEET_EVENTS_ERRORS,
  ...FLEET_IMPORTS_ERRORS,
  ...FLEET_LINK_ERRORS,
  ...FLEET_LINKS_ERRORS,
  ...FLEET_NOTIFY_ERRORS,
  ...FLEET_PEOPLE_ERRORS,
  ...FLEET_PROXY_ERRORS,
  ...FLEET_STORE_ERRORS,
  ...FLEET_WEB_ERRORS,
  ...FLEET_FLEETD_ERRORS,
});
