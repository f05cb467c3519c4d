import type { StoreHealth } from '../bus/index.ts';
import type { Feature, FeatureContext } from './feature.ts';

const REFRESH_MS = 30_000;

/** Announces what happens to the event store, and says under attention what somebody should look at. */
export function storeHealthFeature(
  context: Pick<FeatureContext, 'publish' | 'log'> & { rooms: { bus: { store: StoreHealth } } },
): Feature {
  const { store } = context.rooms.bus;
  let quarantined: string[] = [];
  let stopListening: () => void = () => undefined;
  let timer: NodeJS.Timeout | undefined;
  const refresh = async (): Promise<void> => {
    quarantined = await store.quarantined().catch(() => quarantined);
  };
  return {
    name: 'store health',
    start: async () => {
      stopListening = store.onIncident(({ type, text, fields, time }) => {
        context.log.error({ ...fields }, text);
        context.publish(type, { text, time, ...fields });
        void refresh();
      });
      await refresh();
      timer = setInterval(() => void refresh(), REFRESH_MS).unref();
    },
    stop: () => {
      stopListening();
      clearInterval(timer);
      return Promise.resolve();
    },
    attention: () => [
      ...(store.fault === undefined ? [] : [`nothing is stored (${store.fault.code}): ${store.fault.text}`]),
      ...(quarantined.length === 0
        ? []
        : [
            `damaged parts of the event store lie in quarantine: ${quarantined.join(', ')}; look at them, then delete them`,
          ]),
    ],
  };
}
