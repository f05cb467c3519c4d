import type { EgressAsk, EgressGrant, Grants, InstrumentConfig, Manifest } from '../contracts/index.ts';

/** What an instrument may do: asked ∩ granted. `accept` needs no grant of its own; others need one to send. */
export type Rights = Grants & { accept: string[] };

/**
 * Effective right = asked ∩ granted. Manifests name packages, grants name instruments; the wiring joins them. Pure.
 * @param packageOf package of each instrument that rights may name
 */
export function effectiveRights(
  { grants }: Pick<InstrumentConfig, 'grants'>,
  { asks }: Pick<Manifest, 'asks'>,
  packageOf: ReadonlyMap<string, string>,
): Rights {
  return {
    capabilities: grants.capabilities.filter((capability) => asks.capabilities.includes(capability)),
    publish: grants.publish.filter((type) => asks.publish.includes(type)),
    read: grants.read.filter(({ from, type }) =>
      asks.read.some((ask) => ask.type === type && ask.from === packageOf.get(from)),
    ),
    send: grants.send.filter(({ to, command }) =>
      asks.send.some((ask) => ask.command === command && ask.to === packageOf.get(to)),
    ),
    egress: grants.egress.filter((grant) => asks.egress.some((ask) => covers(ask, grant))),
    downloads: grants.downloads.filter(
      ({ name, url }) =>
        asks.requestsDownloads || asks.downloads.some((ask) => ask.name === name && ask.url === url),
    ),
    deliver: grants.deliver.filter(({ to }) => asks.deliver.some((ask) => ask.to === packageOf.get(to))),
    fetch: grants.fetch && asks.fetch,
    ui: grants.ui && asks.ui !== undefined,
    accept: asks.accept,
  };
}

/** Asked for at least what is granted; a network that contains a granted host is not looked for: grants repeat what is asked. */
function covers(ask: EgressAsk, grant: EgressGrant): boolean {
  return (
    (ask.to === 'any' || ask.to === grant.to) &&
    ask.protocol === grant.protocol &&
    grant.ports.every((port) => ask.ports.includes(port))
  );
}
