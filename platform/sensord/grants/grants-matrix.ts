import type { GrantEdge } from '../../contracts/index.ts';
import type { DesiredInstrument, DesiredState } from '../desired.ts';
import { rightsIn } from './grant-sets.ts';
import { whyIdle, type Grantee } from './grants-report.ts';
import { formatPorts, type Right } from './right-text.ts';

/**
 * Every way on which something may pass between instruments, or between one and the outside: from who gives to who gets. What is
 * not in it is refused. Pure.
 * @param desired with effective rights (asked and granted)
 */
export function grantsMatrix(desired: DesiredState): GrantEdge[] {
  const grantees = desired.instruments.map(granteeOf);
  const hosts = [...new Set(desired.instruments.flatMap(({ rights }) => rights.downloads.flatMap(hostsOf)))];
  const edges = desired.instruments.flatMap((instrument) => {
    const self = { active: instrument.active.length > 0 };
    return rightsIn(instrument.rights).flatMap((right): GrantEdge[] => {
      const idle = instrument.enabled ? whyIdle(self, right, grantees) : `${instrument.name} is disabled`;
      return edgesOf(instrument, right, hosts).map((edge) => ({
        ...edge,
        ...(idle === undefined ? {} : { idle }),
      }));
    });
  });
  return edges.sort((a, b) => (sortKey(a) < sortKey(b) ? -1 : 1));
}

function edgesOf({ name, rights, manifest }: DesiredInstrument, right: Right, hosts: string[]): GrantEdge[] {
  switch (right.kind) {
    case 'read':
      return [{ from: right.from, to: name, kind: 'events', what: right.type }];
    case 'send':
      return [{ from: name, to: right.to, kind: 'message', what: right.command }];
    case 'deliver':
      return [{ from: name, to: right.to, kind: 'delivery', what: 'files' }];
    case 'egress':
      return [{ from: name, to: right.to, kind: 'egress', what: formatPorts(right) }];
    case 'download': {
      const download = rights.downloads.find((one) => one.name === right.name);
      return download === undefined
        ? []
        : [{ from: 'internet', to: name, kind: 'download', what: `${download.as} from ${download.url}` }];
    }
    case 'fetch':
      return hosts.map((host) => ({ from: name, to: host, kind: 'fetch', what: 'approved downloads' }));
    case 'ui':
      return [{ from: 'people', to: name, kind: 'page', what: manifest.asks.ui?.title ?? 'page' }];
    case 'publish':
    case 'capability':
      return [];
  }
}

function hostsOf({ url, redirectHosts }: DesiredInstrument['rights']['downloads'][number]): string[] {
  return [new URL(url).hostname.replaceAll(/[[\]]/g, ''), ...redirectHosts];
}

function granteeOf({ name, packageName, rights, manifest, active }: DesiredInstrument): Grantee {
  return { name, package: packageName, grants: rights, manifest, active: active.length > 0 };
}

function sortKey({ from, to, kind, what }: GrantEdge): string {
  return [from, to, kind, what].join(' ');
}
