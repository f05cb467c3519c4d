import type { Asset, AssetNameView, AssetServiceView } from '@bulkhead/fleet-api';

const SOURCES: Readonly<Record<AssetNameView['from'], string>> = {
  dhcp: 'DHCP',
  dns: 'DNS',
  smb: 'SMB',
  tls: 'TLS',
  http: 'HTTP',
};

/** Who said a name. */
export function sourceWords(from: AssetNameView['from']): string {
  return SOURCES[from];
}

/** `443/tcp tls` */
export function serviceWords({ port, protocol, application }: AssetServiceView): string {
  return `${String(port)}/${protocol}${application === '' ? '' : ` ${application}`}`;
}

/** What it is called first: by a person, by itself, by others. Undefined: by nobody. Pure. */
export function bestName({ label, names }: Pick<Asset, 'label' | 'names'>): string | undefined {
  if (label !== undefined && label.name !== '') return label.name;
  const own = names.find(({ from }) => from === 'dhcp' || from === 'smb');
  return (own ?? names.find(({ from }) => from === 'dns') ?? names[0])?.name;
}

/** Names but for the first, each once. Pure. */
export function otherNames(asset: Pick<Asset, 'label' | 'names'>): string[] {
  const first = bestName(asset);
  return [...new Set(asset.names.map(({ name }) => name))].filter((name) => name !== first);
}
