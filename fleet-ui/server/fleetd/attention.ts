import { AttentionReplySchema, type AttentionItem } from '@bulkhead/fleet-api';
import type { FleetFeature, Person } from '../web/index.ts';

const WORST_FIRST: Readonly<Record<AttentionItem['severity'], number>> = { critical: 0, warning: 1, info: 2 };
/** More is noise; what is left out is the least severe. */
const ITEMS_MOST = 500;

/** What needs attention anywhere, put together from all features and shown to whom it concerns. */
export function attentionFeature(
  features: () => readonly FleetFeature[],
  ofSensors: () => AttentionItem[],
): FleetFeature {
  return {
    name: 'attention',
    start: async () => undefined,
    stop: async () => undefined,
    attention: ofSensors,
    routes: (app) => {
      app.get(
        '/api/v1/attention',
        {
          config: { right: 'signed-in' },
          schema: {
            summary: 'What needs attention now, the worst first',
            tags: ['fleet'],
            response: { 200: AttentionReplySchema },
          },
        },
        async ({ person }) => ({ items: attentionOf(features(), person) }),
      );
    },
  };
}

/** What one person may see of it: matters of a sensor need the right to read there, matters of the fleet that to its settings. */
export function attentionOf(features: readonly FleetFeature[], person: Person | undefined): AttentionItem[] {
  return features
    .flatMap((feature) => feature.attention?.() ?? [])
    .filter(({ sensor, instrument }) =>
      sensor === undefined
        ? person?.may('settings.manage') === true
        : person?.may('sensors.read', sensor, instrument) === true,
    )
    .sort((a, b) => WORST_FIRST[a.severity] - WORST_FIRST[b.severity])
    .slice(0, ITEMS_MOST);
}
