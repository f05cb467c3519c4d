import { join } from 'node:path';
import { sensorClient } from '@bulkhead/platform/cli';
import { BulkheadError, describeError, sitePaths, type Site } from '@bulkhead/platform/kernel';
import { openFleet, type RunningFleet } from './fleet-watch.ts';

interface AllInOneParts {
  /** Whose ports stand beside those of the fleet. */
  site: Site;
  /** Of that sensor; the fleet gets a folder below it. */
  stateDir: string;
  /** What the sensors are called in their fleet. */
  names: readonly string[];
  say: (text: string) => void;
}

/** Starts the fleet of the sensors on this machine and says where it is. @throws BulkheadError START_FLEET_FAILED */
export async function openAllInOne({ site, stateDir, names, say }: AllInOneParts): Promise<RunningFleet> {
  const fleet = await openFleet(site, join(stateDir, 'fleetd'), names, say);
  const { url, setUpCode } = fleet.words;
  say(`The fleet is at ${url}`);
  if (setUpCode !== undefined) {
    say(`Open it in a browser on this machine and type in the set-up code ${setUpCode}`);
  }
  return fleet;
}

/**
 * Lets a sensor join by the way that every sensor goes; one that belongs to the fleet already is left as it is.
 * @throws BulkheadError START_FLEET_FAILED, and what the sensor says
 */
export async function joinFleet(fleet: RunningFleet, site: Site, name: string): Promise<void> {
  const client = sensorClient(sitePaths(site).sensordSocket);
  try {
    const { state } = (await client.get('/fleet')) as { state: string };
    if (state !== 'none') return;
    const token = fleet.words.joinTokens.get(name);
    if (token === undefined) {
      throw new BulkheadError({
        code: 'START_FLEET_FAILED',
        message: `The fleet made no token for ${name}.`,
        hint: `Read ${fleet.logFile}. By hand: make a code in the fleet, then \`bulkhead fleet join\`.`,
      });
    }
    await client.post('/fleet/join', { token, replace: false });
  } finally {
    await client.close();
  }
}

/** For one sensor, which works without a fleet: what goes wrong is said and is no failure. */
export async function tryAllInOne(parts: AllInOneParts): Promise<RunningFleet | undefined> {
  const { site, names, say } = parts;
  let fleet: RunningFleet | undefined;
  try {
    fleet = await openAllInOne(parts);
    for (const name of names) await joinFleet(fleet, site, name);
  } catch (error) {
    say(`The sensor runs without a fleet: ${describeError(error)}`);
  }
  return fleet;
}
