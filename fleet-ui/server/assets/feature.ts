import type { Database } from 'better-sqlite3';
import {
  AssetLabelChangeSchema,
  AssetPageSchema,
  AssetParamsSchema,
  AssetQuerySchema,
  AssetSchema,
  type Asset,
} from '@bulkhead/fleet-api';
import { addressHex, BulkheadError } from '@bulkhead/platform/kernel';
import type { FleetEventStore } from '../events/index.ts';
import type { FleetApp, FleetFeature, Person } from '../web/index.ts';
import { Labels, labelView } from './labels.ts';
import { Turns } from './turns.ts';

type AssetStore = Pick<FleetEventStore, 'assets' | 'asset' | 'labelAssets' | 'sensors'>;
type StoredAsset = NonNullable<Awaited<ReturnType<AssetStore['asset']>>>;

export interface AssetsParts {
  db: Database;
  /** Where events lie; asked when it is open. */
  store: () => AssetStore;
  now: () => number;
}

const TAGS = ['assets'];

/** Addresses that events speak of, and what people say of them. */
export function assetsFeature(parts: AssetsParts): FleetFeature {
  const labels = new Labels(parts.db);
  return {
    name: 'assets',
    // Of the two places where labels lie the fleet's database counts; a store that is new, or from elsewhere, is told all.
    start: () => parts.store().labelAssets(labels.all(), true),
    stop: async () => undefined,
    routes: (app) => {
      routes(app, parts, labels);
    },
  };
}

function routes(app: FleetApp, { store, now }: AssetsParts, labels: Labels): void {
  const turns = new Turns();
  app.get(
    '/api/v1/assets',
    {
      config: { right: 'events.read', audit: 'assets.search' },
      schema: {
        summary: 'Addresses that events speak of, those of private networks first',
        description: 'Of the sensors whose events the asker may read.',
        tags: TAGS,
        querystring: AssetQuerySchema,
        response: { 200: AssetPageSchema },
      },
    },
    async ({ person, query: { sensor, alerts, ...asked } }) => {
      const known = sensor === undefined ? await store().sensors() : [sensor];
      const readable = known.filter((id) => person?.may('events.read', id) === true);
      const found = await turns.take(person?.id ?? '', () =>
        store().assets({ ...asked, alerts: alerts === 'yes', sensors: readable }),
      );
      const { readingFrom, ...rest } = found;
      return {
        ...rest,
        assets: found.assets.map(shown),
        ...(readingFrom === undefined ? {} : { readingFrom: iso(readingFrom) }),
      };
    },
  );
  app.get(
    '/api/v1/assets/:sensor/:address',
    {
      config: { right: 'events.read', sensorParam: 'sensor', audit: 'assets.view' },
      schema: {
        summary: 'One address, as the events of a sensor show it',
        tags: TAGS,
        params: AssetParamsSchema,
        response: { 200: AssetSchema },
      },
    },
    async ({ params: { sensor, address } }) => {
      const hex = addressHex(address) ?? '';
      const found = await store().asset(sensor, address);
      if (found !== undefined) return shown(found);
      const label = labelView(labels.get(sensor, hex));
      if (label === undefined) throw unknown(sensor, address);
      return { ...unseen(sensor, address), label };
    },
  );
  app.put(
    '/api/v1/assets/:sensor/:address/label',
    {
      config: { right: 'events.handle', sensorParam: 'sensor', audit: 'assets.label' },
      schema: {
        summary: 'Name an address, note something, say whether it is critical',
        description: 'Replaces what was said before. All of it empty takes the label off.',
        tags: TAGS,
        params: AssetParamsSchema,
        body: AssetLabelChangeSchema,
        response: { 200: AssetSchema },
      },
    },
    async (request) => {
      const { sensor, address } = request.params;
      const hex = addressHex(address);
      const by = personOf(request.person);
      // Only what somebody saw can be labelled: else labels would fill up with what nobody has.
      if (hex === undefined) throw unknown(sensor, address);
      const seen = await store().asset(sensor, address);
      if (seen === undefined && labels.get(sensor, hex) === undefined) throw unknown(sensor, address);
      request.audited = {
        target: `${address}@${sensor}`,
        facts: { name: request.body.name, critical: request.body.critical },
      };
      const row = labels.set(sensor, hex, { ...request.body, by, at: now() });
      await store().labelAssets([row], false);
      const current = await store().asset(sensor, address);
      const label = labelView(row);
      if (current !== undefined) return shown(current);
      return label === undefined ? unseen(sensor, address) : { ...unseen(sensor, address), label };
    },
  );
}

function shown(asset: StoredAsset): Asset {
  const { first, last, lastAlert, names, services, label, mac, ...rest } = asset;
  return {
    ...rest,
    first: iso(first),
    last: iso(last),
    ...(lastAlert === undefined ? {} : { lastAlert: iso(lastAlert) }),
    ...(mac === undefined ? {} : { mac }),
    names: names.map((name) => ({ ...name, last: iso(name.last) })),
    services: services.map((service) => ({ ...service, last: iso(service.last) })),
    ...(label === undefined ? {} : { label: { ...label, at: iso(label.at) } }),
  };
}

/** Somebody labelled it, and the events that spoke of it are gone. */
function unseen(sensor: string, address: string): Asset {
  return {
    ...{ sensor, address, isPrivate: false, events: 0, alerts: 0, highAlerts: 0, names: [], services: [] },
  };
}

function personOf(person: Person | undefined): { id: string; name: string } {
  return { id: person?.id ?? '', name: person?.name ?? '' };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

function unknown(sensor: string, address: string): BulkheadError {
  return new BulkheadError({
    code: 'FLEET_ASSETS_UNKNOWN',
    message: `No event of ${sensor} speaks of ${address}.`,
    fields: { sensor, address },
  });
}
