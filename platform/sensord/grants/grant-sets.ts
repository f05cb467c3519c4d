import type { Grants, Manifest } from '../../contracts/index.ts';
import { effectiveRights } from '../rights.ts';
import { formatRight, sortedPorts, type Right } from './right-text.ts';

/** No right at all. */
export const NO_GRANTS: Grants = Object.freeze({
  capabilities: [],
  publish: [],
  read: [],
  send: [],
  egress: [],
  downloads: [],
  deliver: [],
  fetch: false,
  ui: false,
});

/** Everything that was granted, one by one. Pure. */
export function rightsIn(grants: Grants): Right[] {
  return [
    ...grants.capabilities.map((capability) => ({ kind: 'capability' as const, capability })),
    ...grants.publish.map((type) => ({ kind: 'publish' as const, type })),
    ...grants.read.map((read) => ({ kind: 'read' as const, ...read })),
    ...grants.send.map((send) => ({ kind: 'send' as const, ...send })),
    ...grants.egress.map((egress) => ({ kind: 'egress' as const, ...egress })),
    ...grants.downloads.map(({ name }) => ({ kind: 'download' as const, name })),
    ...grants.deliver.map(({ to }) => ({ kind: 'deliver' as const, to })),
    ...(grants.fetch ? [{ kind: 'fetch' as const }] : []),
    ...(grants.ui ? [{ kind: 'ui' as const }] : []),
  ];
}

/**
 * One right as grants of its own. Downloads take their address from what the package asks for: undefined when it asks for none
 * of this name.
 */
export function grantsOf(right: Right, asks: Manifest['asks']): Grants | undefined {
  switch (right.kind) {
    case 'capability':
      return { ...NO_GRANTS, capabilities: [right.capability] };
    case 'publish':
      return { ...NO_GRANTS, publish: [right.type] };
    case 'read':
      return { ...NO_GRANTS, read: [{ from: right.from, type: right.type }] };
    case 'send':
      return { ...NO_GRANTS, send: [{ to: right.to, command: right.command }] };
    case 'egress': {
      const { to, protocol, privateAddresses } = right;
      return { ...NO_GRANTS, egress: [{ to, protocol, ports: sortedPorts(right.ports), privateAddresses }] };
    }
    case 'download': {
      const ask = asks.downloads.find(({ name }) => name === right.name);
      return ask && { ...NO_GRANTS, downloads: [{ ...ask, redirectHosts: [], privateAddresses: false }] };
    }
    case 'deliver':
      return { ...NO_GRANTS, deliver: [{ to: right.to }] };
    case 'fetch':
      return { ...NO_GRANTS, fetch: true };
    case 'ui':
      return { ...NO_GRANTS, ui: true };
  }
}

/** Whether the package asks for it: whether granting it would have an effect. Pure. */
export function isAsked(
  right: Right,
  asks: Manifest['asks'],
  packageOf: ReadonlyMap<string, string>,
): boolean {
  const grants = grantsOf(right, asks);
  return grants !== undefined && rightsIn(effectiveRights({ grants }, { asks }, packageOf)).length > 0;
}

/**
 * Whether the right was given already; a destination with more ports covers it, a download from another address than the one
 * that is asked for does not. Pure.
 */
export function holds(grants: Grants, right: Right, asks: Manifest['asks']): boolean {
  if (right.kind === 'download') {
    const asked = asks.downloads.find(({ name }) => name === right.name)?.url;
    return grants.downloads.some(({ name, url }) => name === right.name && (asked ?? url) === url);
  }
  if (right.kind !== 'egress') {
    const text = formatRight(right);
    return rightsIn(grants).some((one) => formatRight(one) === text);
  }
  const { to, protocol, privateAddresses } = right;
  const open = grants.egress.filter((one) => one.to === to && one.protocol === protocol);
  return right.ports.every((port) =>
    open.some((one) => one.ports.includes(port) && (one.privateAddresses || !privateAddresses)),
  );
}

/** Grants with some more. Pure. */
export function joined(grants: Grants, more: Grants): Grants {
  const downloads = new Set(more.downloads.map(({ name }) => name));
  return {
    capabilities: [...grants.capabilities, ...more.capabilities],
    publish: [...grants.publish, ...more.publish],
    read: [...grants.read, ...more.read],
    send: [...grants.send, ...more.send],
    egress: [...grants.egress, ...more.egress],
    // One that was approved with another address of the same name is replaced.
    downloads: [...grants.downloads.filter(({ name }) => !downloads.has(name)), ...more.downloads],
    deliver: [...grants.deliver, ...more.deliver],
    fetch: grants.fetch || more.fetch,
    ui: grants.ui || more.ui,
  };
}

/** Grants without these rights; a destination loses the named ports only. Pure. */
export function without<T extends Grants>(grants: T, rights: readonly Right[]): T {
  const gone = new Set(rights.map(formatRight));
  const stays = (right: Right) => !gone.has(formatRight(right));
  return {
    ...grants,
    capabilities: grants.capabilities.filter((capability) => stays({ kind: 'capability', capability })),
    publish: grants.publish.filter((type) => stays({ kind: 'publish', type })),
    read: grants.read.filter(({ from, type }) => stays({ kind: 'read', from, type })),
    send: grants.send.filter(({ to, command }) => stays({ kind: 'send', to, command })),
    egress: grants.egress.flatMap((grant) => {
      const closed = rights.flatMap((right) =>
        right.kind === 'egress' && right.to === grant.to && right.protocol === grant.protocol
          ? right.ports
          : [],
      );
      const ports = grant.ports.filter((port) => !closed.includes(port));
      return ports.length === 0 ? [] : [ports.length === grant.ports.length ? grant : { ...grant, ports }];
    }),
    downloads: grants.downloads.filter(({ name }) => stays({ kind: 'download', name })),
    deliver: grants.deliver.filter(({ to }) => stays({ kind: 'deliver', to })),
    fetch: grants.fetch && stays({ kind: 'fetch' }),
    ui: grants.ui && stays({ kind: 'ui' }),
  };
}
