import { join } from 'node:path';
import type { SensorClient } from '@bulkhead/platform/cli';
import { describeError, type Site } from '@bulkhead/platform/kernel';
import { openFleet, type RunningFleet } from './fleet-process.ts';

interface AllInOneParts {
  site: Site;
  /** Of the sensor; the fleet gets a folder below it. */
  stateDir: string;
  /** What the sensor is called in its fleet. */
  name: string;
  client: Pick<SensorClient, 'get' | 'post'>;
  say: (text: string) => void;
}

/**
 * A fleet for the one sensor on this machine, which joins it by the way that every sensor goes. A sensor works without a fleet,
 * so what goes wrong here is said and is no failure.
 */
export async function openAllInOne(parts: AllInOneParts): Promise<RunningFleet | undefined> {
  const { site, stateDir, name, client, say } = parts;
  let fleet: RunningFleet | undefined;
  try {
    fleet = await openFleet(site, join(stateDir, 'fleetd'), name);
    const { state } = (await client.get('/fleet')) as { state: string };
    if (state === 'none' && fleet.joinToken !== undefined) {
      await client.post('/fleet/join', { token: fleet.joinToken, replace: false });
    }
    say(`The fleet is at ${fleet.url}`);
    if (fleet.setUpCode !== undefined) {
      say(`Open it in a browser on this machine and type in the set-up code ${fleet.setUpCode}`);
    }
    return fleet;
  } catch (error) {
    say(`The sensor runs without a fleet: ${describeError(error)}`);
    return fleet;
  }
}
