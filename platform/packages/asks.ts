import type { DownloadAsk, EgressAsk, Grants, Manifest, MirrorFilter } from '../contracts/index.ts';

const CAPABILITIES: Readonly<Record<Manifest['asks']['capabilities'][number], string>> = {
  net_raw: 'use raw sockets on its own interfaces',
  net_admin: 'set up links and rules inside its own network',
  net_bind_service: 'listen on ports below 1024 inside its own network',
  ipc_lock: 'keep memory from being swapped',
  sys_nice: 'raise the priority of its own processes',
};

const PERIODS: readonly [seconds: number, one: string, many: string][] = [
  [604_800, 'weekly', 'weeks'],
  [86_400, 'daily', 'days'],
  [3600, 'hourly', 'hours'],
  [60, 'every minute', 'minutes'],
];

/** What a package asks for, one sentence fragment each, for people who decide. Empty: it asks for nothing. Pure. */
export function asksInWords({ asks }: Manifest): string[] {
  return [
    ...asks.interfaces.map(({ name, kind, filter }) =>
      kind === 'mirror'
        ? `to see copies of ${filterWords(filter)} on ${name}`
        : kind === 'active'
          ? `to send through an active interface (${name}), to the destinations that are allowed`
          : `to stand in the path of all monitored traffic (${kind} ${name})`,
    ),
    ...asks.capabilities.map((capability) => `to ${capabilityWords(capability)}`),
    ...asks.egress.map((ask) => `to reach ${destinationWords(ask)}`),
    ...asks.downloads.map((ask) => `to have ${downloadWords(ask)}`),
    ...(asks.requestsDownloads ? ['to ask for further downloads, each of which waits for approval'] : []),
    ...(asks.fetch ? ['to fetch the approved downloads of all instruments, and reach their hosts'] : []),
    ...asks.deliver.map(({ to }) => `to hand files to ${to}`),
    ...(asks.ui === undefined ? [] : [`to ${pageWords(asks.ui.title)}`]),
    ...asks.read.map(({ from, type }) => `to read the ${type} events of ${from}`),
    ...asks.send.map(({ to, command }) => `to send ${to} the command ${command}`),
    ...(asks.publish.length === 0 ? [] : [`to publish events: ${asks.publish.join(', ')}`]),
    ...(asks.accept.length === 0
      ? []
      : [`to be sent commands by those who are allowed to: ${asks.accept.join(', ')}`]),
  ];
}

/** What a capability lets a program do, after "may" or "to". Pure. */
export function capabilityWords(capability: Manifest['asks']['capabilities'][number]): string {
  return `${CAPABILITIES[capability]} (${capability})`;
}

/** `rules.example.org port 443/tcp`. Pure. */
export function destinationWords({ to, ports, protocol }: EgressAsk): string {
  const place = to === 'any' ? 'any address' : to;
  return `${place} port${ports.length > 1 ? 's' : ''} ${ports.join(',')}/${protocol}`;
}

/** A title comes from a package, so nothing in it may steer a terminal. Pure. */
export function pageWords(title: string): string {
  const plain = title.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}"]+/gu, ' ');
  return `show a web page, "${plain}", to people whom the sensor lets through`;
}

/** `https://… downloaded daily into rules.tar.gz, at most 64 MiB`. Pure. */
export function downloadWords({
  url,
  everyS,
  as,
  maxMib,
}: Pick<DownloadAsk, 'url' | 'everyS' | 'as' | 'maxMib'>): string {
  return `${url} downloaded ${periodWords(everyS)} into ${as}, at most ${String(maxMib)} MiB`;
}

/** `daily`, `every 6 hours`, `once`. Pure. */
export function periodWords(everyS: number): string {
  if (everyS === 0) return 'once';
  for (const [seconds, one, many] of PERIODS) {
    if (everyS === seconds) return one;
    if (everyS % seconds === 0) return `every ${String(everyS / seconds)} ${many}`;
  }
  return `every ${String(everyS)} seconds`;
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
