import type { Group, Sensor } from '@bulkhead/fleet-api';
import { BulkheadError } from '../../kernel/index.ts';
import { plain } from './fleet-action.ts';
import type { FleetClient } from './fleet-client.ts';

/** The sensor of that name or id. @throws BulkheadError CLI_FLEET_SENSOR_UNKNOWN */
export async function sensorOf(fleet: FleetClient, given: string): Promise<Sensor> {
  const { sensors } = await fleet.get<{ sensors: Sensor[] }>('/sensors');
  const found = sensors.find(({ id, name }) => id === given || name === given);
  if (found !== undefined) return found;
  const near = sensors.map(({ name }) => name).slice(0, 10);
  throw new BulkheadError({
    code: 'CLI_FLEET_SENSOR_UNKNOWN',
    message: `The fleet has no sensor ${JSON.stringify(plain(given, 60))}, or you may not see it.`,
    hint:
      near.length === 0
        ? 'You see no sensors at all.'
        : `You see: ${near.join(', ')}${sensors.length > 10 ? ', …' : ''}.`,
    fields: { sensor: given },
  });
}

/** The sensor's own API through the fleet: what follows `/v1`. */
export function sensorApi({ id }: Pick<Sensor, 'id'>, path: string): string {
  return `/sensors/${id}/api/v1${path}`;
}

/** The group of that name or id. @throws BulkheadError CLI_FLEET_GROUP_UNKNOWN */
export async function groupOf(fleet: FleetClient, given: string): Promise<Group> {
  const { groups } = await fleet.get<{ groups: Group[] }>('/groups');
  const found = groups.find(({ id, name }) => id === given || name === given);
  if (found !== undefined) return found;
  throw new BulkheadError({
    code: 'CLI_FLEET_GROUP_UNKNOWN',
    message: `The fleet has no group ${JSON.stringify(plain(given, 80))}.`,
    hint: 'See `bulkhead fleet groups list`.',
    fields: { group: given },
  });
}
