import type { CommandGroup } from '../command-group.ts';
import { configCommands } from './config.ts';
import { sensorCommands } from './sensor.ts';

/** Every group of commands, in the order in which `bulkhead --help` lists them. */
export const COMMAND_GROUPS: readonly CommandGroup[] = [sensorCommands, configCommands];
