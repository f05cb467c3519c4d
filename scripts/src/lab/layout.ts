import type { Site } from '@bulkhead/platform/kernel';

/** Addresses of the lab; the same in every lab, for they exist in its namespaces only. */
export const ADDRESSES = Object.freeze({
  server: { ip4: '10.66.0.10', ip6: 'fd66:6c61:6200::10' },
  /** Three people, then the infected machine. */
  people: [
    { ip4: '10.66.0.101', ip6: 'fd66:6c61:6200::101' },
    { ip4: '10.66.0.102', ip6: 'fd66:6c61:6200::102' },
    { ip4: '10.66.0.103', ip6: 'fd66:6c61:6200::103' },
  ],
  infected: { ip4: '10.66.0.104', ip6: 'fd66:6c61:6200::104' },
  outside: { ip4: '203.0.113.66', ip6: '2001:db8:66::66' },
  /** Behind the management link: where rules come from, and the place for who fetches them. */
  source: { ip4: '10.66.8.1' },
  fetcher: { ip4: '10.66.8.2' },
});

/** TCP ports of the lab's servers. */
export const PORTS = Object.freeze({
  ftp: 21,
  ssh: 22,
  telnet: 23,
  dns: 53,
  http: 80,
  tls: 443,
  /** Of the attacker. */
  payload: 8080,
  shellSink: 4444,
});

/** DNS names that the lab's server knows. */
export const HOSTS = Object.freeze({
  www: 'www.lab.example',
  portal: 'portal.lab.example',
  files: 'files.lab.example',
  mail: 'mail.lab.example',
  commandAndControl: 'c2.malware-beacon.example',
  payload: 'cdn.malware-beacon.example',
  rules: 'rules.lab.example',
});

/** Paths of the rule source. */
export const RULE_PATHS = Object.freeze({ index: '/index.yaml', archive: '/lab.rules.tar.gz' });

const INSIDE_4 = '10.66.0.0/24';
const INSIDE_6 = 'fd66:6c61:6200::/64';
const OUTSIDE_4 = '203.0.113.0/24';
const OUTSIDE_6 = '2001:db8:66::/64';

/** One machine on the lab's switch. */
export interface LabHost {
  role: 'server' | 'client' | 'outside';
  namespace: string;
  /** Documentation range of RFC 7042. */
  mac: string;
  /** With prefix length. */
  addresses: readonly string[];
  /** Reached without a router: the lab has none. */
  onLink: readonly string[];
}

/** Names of everything that a site's lab makes. */
export interface LabLayout {
  switchNamespace: string;
  hosts: readonly LabHost[];
  /** Host end of the SPAN link. */
  monitorDevice: string;
  /** A link of its own, off the switch: no traffic of it is on the SPAN port. */
  management: { namespace: string; hostEnd: string };
  /** Programs, certificates and configuration, in memory. */
  dir: string;
}

export function labLayout(site: Site): LabLayout {
  const inside = [INSIDE_4, INSIDE_6];
  const clients = [...ADDRESSES.people, ADDRESSES.infected];
  const host = (
    role: LabHost['role'],
    macEnd: string,
    addresses: readonly { ip4: string; ip6: string }[],
    onLink: readonly string[],
  ): LabHost => ({
    role,
    namespace: `${site.prefix}-lab-${role}`,
    mac: `00:00:5e:00:53:${macEnd}`,
    addresses: addresses.flatMap(({ ip4, ip6 }) => [`${ip4}/24`, `${ip6}/64`]),
    onLink,
  });
  return {
    switchNamespace: `${site.prefix}-lab-switch`,
    hosts: [
      host('server', '10', [ADDRESSES.server], [OUTSIDE_4, OUTSIDE_6]),
      host('client', '65', clients, [OUTSIDE_4, OUTSIDE_6]),
      host('outside', '66', [ADDRESSES.outside], inside),
    ],
    monitorDevice: `${site.prefix}lab-span`,
    management: { namespace: `${site.prefix}-lab-source`, hostEnd: `${site.prefix}lab-mgmt` },
    // Beside the site's own folder, which gets a file system of its own mounted over it while the lab runs.
    dir: `/run/${site.prefix}-lab`,
  };
}
