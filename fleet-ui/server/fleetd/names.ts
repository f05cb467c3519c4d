import { hostname, networkInterfaces } from 'node:os';
import type { FleetConfig } from './config.ts';

/** By which names and where this fleet is reached. */
export interface FleetNames {
  /** Names and addresses that stand in the server's certificate. */
  all: readonly string[];
  /** The one that people are shown. */
  main: string;
  baseDomain: string;
  /** Is a Host header's name (lower case, no port) the fleet's own? */
  knows(host: string): boolean;
}

/**
 * Addresses of the machine count as its names: they cannot be made to point here by a stranger's DNS. Loopback names are for
 * the machine itself.
 */
export function fleetNames(config: FleetConfig, machine: MachineNames = machineNames()): FleetNames {
  const loopback = ['localhost', '127.0.0.1', '::1'];
  const own = config.web.plainHttp ? [] : [machine.hostname.toLowerCase(), ...machine.addresses()];
  const all = [...new Set([...config.names, ...own, ...loopback])];
  const main = config.names[0] ?? (config.web.plainHttp ? 'localhost' : machine.hostname.toLowerCase());
  return {
    all,
    main,
    baseDomain:
      config.baseDomain ?? (config.web.plainHttp ? 'localhost' : (config.names.find(isName) ?? 'localhost')),
    knows: (host) => {
      const name = host.startsWith('[') ? host.slice(1, -1) : host;
      // Asked anew: a machine that got another address is reached by it.
      return all.includes(name) || (!config.web.plainHttp && machine.addresses().includes(name));
    },
  };
}

/** What the machine says of itself. */
export interface MachineNames {
  hostname: string;
  addresses: () => readonly string[];
}

function machineNames(): MachineNames {
  return {
    hostname: hostname(),
    addresses: () =>
      Object.values(networkInterfaces()).flatMap((list) =>
        (list ?? [])
          .filter(({ internal, address }) => !internal && !address.startsWith('fe80:'))
          .map(({ address }) => address),
      ),
  };
}

function isName(text: string): boolean {
  return /[a-z]/.test(text) && !text.includes(':');
}
