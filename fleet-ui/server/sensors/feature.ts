import type { FleetFeature } from '../web/index.ts';
import { configRoutes } from './routes-config.ts';
import { enrolmentRoutes } from './routes-enrol.ts';
import { groupRoutes } from './routes-groups.ts';
import { sensorRoutes } from './routes-sensors.ts';
import type { Sensors } from './sensors.ts';

/** The registry of sensors as a part of fleetd. */
export function sensorsFeature(sensors: Sensors): FleetFeature {
  return {
    name: 'sensors',
    start: async () => undefined,
    stop: () => sensors.settle(),
    routes: (app) => {
      enrolmentRoutes(app, sensors);
      groupRoutes(app, sensors);
      sensorRoutes(app, sensors);
      configRoutes(app, sensors);
    },
    attention: () => sensors.attention(),
  };
}
