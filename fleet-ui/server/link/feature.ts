import {
  SensorBriefsReplySchema,
  SensorParamsSchema,
  SensorStatusReplySchema,
  type AttentionItem,
  type LiveEvent,
  type SensorStatusReply,
} from '@bulkhead/fleet-api';
import type { FleetFeature } from '../web/index.ts';
import { briefOf } from './brief.ts';
import { forwardRoutes } from './forward.ts';
import type { Links } from './links.ts';
import type { LiveHub } from './live.ts';
import type { LinkServer } from './server.ts';

export interface LinkFeatureParts {
  server: LinkServer;
  live: LiveHub;
  /** How people call a sensor. */
  nameOf?: (sensor: string) => string | undefined;
  /** Called when anybody's rights or sessions changed. */
  onRightsChange?: (listener: () => void) => void;
}

/** The links to the sensors and what people see of them at once. */
export function linkFeature({ server, live, nameOf, onRightsChange }: LinkFeatureParts): FleetFeature {
  const { links } = server;
  return {
    name: 'link',
    start: async () => {
      live.start();
      tellLive(links, live);
      onRightsChange?.(() => {
        live.judgeAgain();
      });
      await server.start();
    },
    stop: async () => {
      live.stop();
      await server.close();
    },
    attention: () => clocksThatAreOff(links, nameOf ?? (() => undefined)),
    routes: (app) => {
      app.get(
        '/api/v1/sensors/status',
        {
          config: { right: 'sensors.read' },
          schema: {
            summary: 'How all sensors that the asker may see are, in a few numbers each',
            tags: ['sensors'],
            response: { 200: SensorBriefsReplySchema },
          },
        },
        async ({ person }) => ({
          at: new Date().toISOString(),
          sensors: [...links.known()]
            .filter((sensor) => person?.may('sensors.read', sensor) === true)
            .map((sensor) => briefOf(links, sensor)),
        }),
      );
      app.get(
        '/api/v1/sensors/:id/status',
        {
          config: { right: 'sensors.read', sensorParam: 'id' },
          schema: {
            summary: 'How a sensor is connected, and what it said of itself last',
            tags: ['sensors'],
            params: SensorParamsSchema,
            response: { 200: SensorStatusReplySchema },
          },
        },
        async ({ params }) => statusReply(links, params.id),
      );
      app.get(
        '/api/v1/live',
        {
          config: { right: 'signed-in' },
          exposeHeadRoute: false,
          schema: {
            summary: 'What changes, as Server-Sent Events (see LiveEvent)',
            tags: ['fleet'],
            produces: ['text/event-stream'],
          },
        },
        async ({ person }, reply) => {
          // The guard lets nobody here without a person.
          if (person === undefined) return reply.code(401).send();
          return reply
            .type('text/event-stream')
            .header('cache-control', 'no-store')
            .header('x-accel-buffering', 'no')
            .send(live.open(person));
        },
      );
      forwardRoutes(app, links);
    },
  };
}

export function statusReply(links: Pick<Links, 'view' | 'state'>, sensor: string): SensorStatusReply {
  const { status, statusAt, statusUnreadable } = links.state(sensor);
  return {
    link: links.view(sensor) ?? { sensor, attached: false, clockWrong: false, tunnels: 0 },
    ...(statusAt === undefined ? {} : { statusAt: statusAt.toISOString() }),
    ...(status === undefined ? {} : { status }),
    statusUnreadable,
  };
}

function tellLive(links: Links, live: LiveHub): void {
  const tell = (event: LiveEvent) => {
    live.publish({ right: 'sensors.read', event });
  };
  const at = () => new Date().toISOString();
  links.events.on('attached', (sensor) => {
    tell({ kind: 'sensor.attached', at: at(), sensor });
  });
  links.events.on('detached', (sensor, { code }) => {
    tell({ kind: 'sensor.detached', at: at(), sensor, code });
  });
  links.events.on('state', (sensor, status, changed) => {
    if (!changed) return;
    const { healthy, attention } = status;
    tell({
      kind: 'sensor.state',
      at: at(),
      sensor,
      ...(healthy === undefined ? {} : { healthy }),
      attention: attention.length,
    });
  });
  links.events.on('notice', (sensor, notice) => {
    const { kind } = notice;
    if (typeof kind !== 'string' || kind.length > 64) return;
    tell({ kind: 'sensor.notice', at: at(), sensor, notice: { ...notice, kind } });
  });
}

function clocksThatAreOff(links: Links, nameOf: (sensor: string) => string | undefined): AttentionItem[] {
  return [...links.all()].flatMap(({ sensor }) => {
    const { clockWrong, clockDifferenceMs = 0 } = links.view(sensor) ?? {};
    if (clockWrong !== true) return [];
    const seconds = Math.round(Math.abs(clockDifferenceMs) / 1_000);
    const way = clockDifferenceMs > 0 ? 'ahead of' : 'behind';
    return [
      {
        id: `clock:${sensor}`,
        severity: 'warning' as const,
        title: `The clock of ${nameOf(sensor) ?? sensor} is wrong`,
        text:
          `It is ${String(seconds)} s ${way} the fleet's. Times of its events cannot be compared with others', and its ` +
          'certificate may count as expired. Set it, or have it kept by NTP; if all sensors are off, it is the clock of the fleet.',
        sensor,
        link: `/sensors/${sensor}`,
      },
    ];
  });
}
