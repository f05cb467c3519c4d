import type { CommandGroup } from '../command-group.ts';
import { configCommands } from './config.ts';
import { devCommands } from './dev.ts';
import { dataCommands } from './data.ts';
import { dnsCommands } from './dns.ts';
import { grantsCommands } from './grants.ts';
import { instrumentCheckCommands } from './instrument-check.ts';
import { ledgerCommands } from './ledger.ts';
import { keysCommands } from './keys.ts';
import { networkCommands } from './network.ts';
import { searchCommands } from './search.ts';
import { sensorCommands } from './sensor.ts';
import { supportCommands } from './support.ts';

/** Every group of commands, in the order in which `bulkhead --help` lists them. */
export const COMMAND_GROUPS: readonly CommandGroup[] = [
  sensorCommands,
  searchCommands,
  configCommands,
  grantsCommands,
  keysCommands,
  devCommands,
  supportCommands,
  instrumentCheckCommands,
  dataCommands,
  ledgerCommands,
  dnsCommands,
  networkCommands,
];
