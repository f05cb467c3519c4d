import { AttentionItemSchema, AttentionReplySchema, type AttentionItem } from '@bulkhead/fleet-api';
import type { FleetFeature, Person } from '../web/index.ts';

const WORST_FIRST: Readonly<Record<AttentionItem['severity'], number>> = { critical: 0, warning: 1, info: 2 };
/** More is noise; what is left out is the least severe. */
const ITEMS_MOST = 500;

/** What needs attention anywhere, put together from all features and shown to whom it concerns. */
export function attentionFeature(
  features: () => readonly FleetFeature[],
  ofSensors: () => AttentionItem[],
): FleetFeature {
  const begun = new Beginnings(Date.now());
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
        async ({ person }) => ({ items: attentionOf(features(), person, begun) }),
      );
    },
  };
}

/** What one person may see of it: matters of a sensor need the right to read there, matters of the fleet that to its settings. */
export function attentionOf(
  features: readonly FleetFeature[],
  person: Person | undefined,
  begun?: Beginnings,
): AttentionItem[] {
  const all = features.flatMap((feature) => feature.attention?.() ?? []);
  return (begun?.noted(all, Date.now()) ?? all)
    .filter(({ sensor, instrument }) =>
      sensor === undefined
        ? person?.may('settings.manage') === true
        : person?.may('sensors.read', sensor, instrument) === true,
    )
    .filter(canBeTold)
    .sort((a, b) => WORST_FIRST[a.severity] - WORST_FIRST[b.severity])
    .slice(0, ITEMS_MOST);
}

/** One that cannot takes no other with it. */
function canBeTold(item: AttentionItem): boolean {
  return AttentionItemSchema.safeParse(item).success;
}

/** What stood already when fleetd started: nobody knows since when. */
const SETTLING_MS = 60_000;
const REMEMBERED_MOST = 10_000;

/**
 * When matters that do not say so themselves were first seen, so that people can be told what is new to them.
 *
 * INVARIANTS: a matter that went and came again begins anew; at most `REMEMBERED_MOST` are remembered.
 */
export class Beginnings {
  readonly #startedMs: number;
  #first = new Map<string, number>();

  constructor(startedMs: number) {
    this.#startedMs = startedMs;
  }

  /** @param items everything that stands now, for whomever */
  noted(items: readonly AttentionItem[], nowMs: number): AttentionItem[] {
    const first = new Map<string, number>();
    const noted = items.map((item): AttentionItem => {
      if (item.since !== undefined) return item;
      const key = sameMatter(item);
      const atMs = this.#first.get(key) ?? nowMs;
      if (first.size < REMEMBERED_MOST) first.set(key, atMs);
      return atMs - this.#startedMs < SETTLING_MS ? item : { ...item, since: new Date(atMs).toISOString() };
    });
    this.#first = first;
    return noted;
  }
}

/** In what a sensor says, counts go on; with other numbers it is the same matter. */
function sameMatter({ id, sensor, text }: AttentionItem): string {
  return id.startsWith('sensor:') ? `${sensor ?? ''} ${text.replaceAll(/\d+/g, '#')}` : id;
}
