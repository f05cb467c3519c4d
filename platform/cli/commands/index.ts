import type { CommandGroup } from '../command-group.ts';
import { configCommands } from './config.ts';
import { devCommands } from './dev.ts';
import { dataCommands } from './data.ts';
import { dnsCommands } from './dns.ts';
import { downloadsCommands } from './downloads.ts';
import { fleetClientCommands } from './fleet-client.ts';
import { fleetCommands } from './fleet.ts';
import { grantsCommands } from './grants.ts';
import { instrumentCheckCommands } from './instrument-check.ts';
import { ledgerCommands } from './ledger.ts';
import { keysCommands } from './keys.ts';
import { messagesCommands } from './messages.ts';
import { networkCommands } from './network.ts';
import { resourcesCommands } from './resources.ts';
import { searchCommands } from './search.ts';
import { sensorCommands } from './sensor.ts';
import { supportCommands } from './support.ts';

/** Every group of commands, in the order in which `bulkhead --help` lists them. */
export const COMMAND_GROUPS: readonly CommandGroup[] = [
  sensorCommands,
  searchCommands,
  configCommands,
  grantsCommands,
  messagesCommands,
  keysCommands,
  devCommands,
  supportCommands,
  instrumentCheckCommands,
  dataCommands,
  ledgerCommands,
  dnsCommands,
  downloadsCommands,
  resourcesCommands,
  networkCommands,
  fleetCommands,
  fleetClientCommands,
];
