/** Packets and bytes since an active interface was made. */
export interface ActiveCount {
  packets: number;
  bytes: number;
}

/** One active interface of an instrument. */
export interface ActivePortReport {
  instrument: string;
  /** Its name inside the container. */
  port: string;
  kind: 'dedicated' | 'bridged';
  device: string;
  vlan?: number | undefined;
  mac: string;
  /** The configured address, or what a DHCP server gave; none while it waits for one. */
  addresses: string[];
  up: boolean;
  /** Why it is not as it was made, in words; then it is down. */
  faults: string[];
  counts: {
    sent: ActiveCount;
    received: ActiveCount;
    /** To where it may not send. */
    refused: ActiveCount;
    /** With an address that is not its own. */
    spoofed: ActiveCount;
    /** What is neither ARP nor whole IPv4 to one host. */
    protocol: ActiveCount;
    /** To the instrument, from where it may not reach. */
    unwanted: ActiveCount;
  };
  /** Tried within the last hour, most often first; at most 128. */
  refusedDestinations: { address: string; protocol: string; port: number; packets: number }[];
  /** What it may reach. */
  destinations: {
    to: string;
    protocol: 'tcp' | 'udp';
    ports: readonly number[];
    privateAddresses: boolean;
    /** Of a name: its addresses now. */
    addresses?: string[];
  }[];
}

/** What `GET /v1/active` answers. */
export interface ActiveReport {
  ports: ActivePortReport[];
}
