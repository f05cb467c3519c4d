import type { Sensor, SensorBrief } from '@bulkhead/fleet-api';
import { briefOf } from '../../../fleet-ui/server/link/brief.ts';
import { linkOf, statusOf } from './sensors.ts';

/** What `GET /sensors/status` says of them, summed up as fleetd does it. */
export function briefsOf(sensors: readonly Sensor[]): SensorBrief[] {
  return sensors.map((one) =>
    briefOf(
      {
        view: () => linkOf(one),
        state: () => ({ status: statusOf(one), statusAt: new Date(), statusUnreadable: false }),
      },
      one.id,
    ),
  );
}
