import type { Grants, Manifest, MirrorFilter } from '../contracts/index.ts';

const CAPABILITIES: Readonly<Record<Manifest['asks']['capabilities'][number], string>> = {
  net_raw: 'to use raw sockets on its own interfaces (net_raw)',
  net_admin: 'to set up links and rules inside its own network (net_admin)',
  net_bind_service: 'to listen on ports below 1024 inside its own network (net_bind_service)',
  ipc_lock: 'to keep memory from being swapped (ipc_lock)',
  sys_nice: 'to raise the priority of its own processes (sys_nice)',
};

/** What a package asks for, one sentence fragment each, for people who decide. Empty: it asks for nothing. Pure. */
export function asksInWords({ asks }: Manifest): string[] {
  return [
    ...asks.interfaces.map(({ name, kind, filter }) =>
      kind === 'mirror'
        ? `to see copies of ${filterWords(filter)} on ${name}`
        : `to stand in the path of all monitored traffic (${kind} ${name})`,
    ),
    ...asks.capabilities.map((capability) => CAPABILITIES[capability]),
    ...asks.read.map(({ from, type }) => `to read the ${type} events of ${from}`),
    ...asks.send.map(({ to, command }) => `to send ${to} the command ${command}`),
    ...(asks.publish.length === 0 ? [] : [`to publish events: ${asks.publish.join(', ')}`]),
    ...(asks.accept.length === 0
      ? []
      : [`to be sent commands by those who are allowed to: ${asks.accept.join(', ')}`]),
  ];
}

function filterWords(filter: MirrorFilter): string {
  return filter === 'all' ? 'all traffic' : `traffic of the ports ${filter.ports.join(', ')}`;
}

/**
 * Everything that a package asks for, as grants of an operator. Manifests name packages, grants name instruments: one that
 * runs no instrument gives no grant. Pure.
 * @param running instruments of the sensor with their packages
 */
export function everythingAsked(
  { asks }: Manifest,
  running: readonly { name: string; package: string }[],
): Grants {
  const instruments = (packageName: string) => running.filter((one) => one.package === packageName);
  return {
    capabilities: [...asks.capabilities],
    publish: [...asks.publish],
    read: asks.read.flatMap(({ from, type }) => instruments(from).map(({ name }) => ({ from: name, type }))),
    send: asks.send.flatMap(({ to, command }) => instruments(to).map(({ name }) => ({ to: name, command }))),
    egress: asks.egress.map((ask) => ({ ...ask, privateAddresses: false })),
    downloads: asks.downloads.map((ask) => ({ ...ask, redirectHosts: [], privateAddresses: false })),
    deliver: asks.deliver.flatMap(({ to }) => instruments(to).map(({ name }) => ({ to: name }))),
    fetch: asks.fetch,
    ui: asks.ui !== undefined,
  };
}
