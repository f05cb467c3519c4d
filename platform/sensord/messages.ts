import type { FastifyInstance } from 'fastify';
import type { Feature, FeatureContext } from './feature.ts';

/** Puts refused attempts and the journal of messages on record as events of the platform. */
export function messagesFeature({ rooms, publish }: FeatureContext): Feature {
  const ends: (() => void)[] = [];
  return {
    name: 'messages',
    routes: (app: FastifyInstance) => {
      app.get('/v1/bus/refused', () => Promise.resolve({ attempts: rooms.bus.traffic.refused() }));
    },
    start: () => {
      const { traffic } = rooms.bus;
      ends.push(
        traffic.onRefused((attempt) => {
          publish('bus.refused', { ...attempt });
        }),
        traffic.onMessage((entry) => {
          publish('message.sent', { ...entry });
        }),
      );
      return Promise.resolve();
    },
    stop: () => {
      for (const end of ends.splice(0)) end();
      return Promise.resolve();
    },
  };
}
