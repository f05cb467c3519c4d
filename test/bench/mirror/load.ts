/** How a burst is sent. */
export interface Load {
  packets: number;
  /** Packets per second; 0 = as fast as it goes. */
  rate: number;
  dnsPermille: number;
  /** How many generators send at once, each on a processor of its own, as a NIC with that many queues delivers. */
  generators: number;
}
