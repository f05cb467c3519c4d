import { topic, type CommandGroup } from '../command-group.ts';
import { adoptionCommands } from '../fleet/adoption.ts';
import { configCommands } from '../fleet/config.ts';
import { eventsCommands } from '../fleet/events.ts';
import { fleetAction } from '../fleet/fleet-action.ts';
import { instrumentsCommands } from '../fleet/instruments.ts';
import { sensorsCommands } from '../fleet/sensors.ts';
import { sessionCommands } from '../fleet/session.ts';
import { watchCommands } from '../fleet/watch.ts';

/**
 * What the fleet's pages do, from a terminal anywhere: by the fleet's API, as whom one logged in with a token. Accounts and tokens
 * are not among it: those are changed by people in a browser only.
 */
export const fleetClientCommands: CommandGroup = ({ program, action }) => {
  const fleet = topic(
    program,
    'fleet',
    'the fleet: join one with this sensor, or work at one from a terminal',
  );
  const act = fleetAction(action);
  sessionCommands(fleet, action, act);
  sensorsCommands(fleet, act);
  adoptionCommands(fleet, act);
  configCommands(fleet, act);
  instrumentsCommands(fleet, act);
  eventsCommands(fleet, act);
  watchCommands(fleet, act);
};
