import type { Grants, Manifest, SensorConfig } from '@bulkhead/platform/contracts';
import type { RuleSource } from '../lab/index.ts';

/** A configuration as a person writes it: what has defaults may be missing. */
export interface LabConfig {
  version: 1;
  sensor: { name: string };
  monitorInterfaces: { name: string; device: string }[];
  activeInterfaces?: SensorConfig['activeInterfaces'];
  dns?: { servers: string[] };
  instruments: InstrumentInput[];
  detectionCheck: { intervalS: number; timeoutS: number };
}

type InstrumentInput = Pick<SensorConfig['instruments'][number], 'name' | 'package' | 'interfaces'> & {
  active?: SensorConfig['instruments'][number]['active'];
  grants: Partial<Omit<Grants, 'downloads'>> & { downloads?: DownloadInput[] };
};

type DownloadInput = Pick<Grants['downloads'][number], 'name' | 'url' | 'as' | 'everyS' | 'maxMib'> & {
  privateAddresses: boolean;
  ca: string;
};

/** Names of the rule manager's sources in the lab; their downloads carry them. */
export const LAB_SOURCES = Object.freeze({ index: 'lab-index', rules: 'lab' });

const MONITOR = 'mon';
const WAY_OUT = 'lab';
/** The lab's rules change while one looks on; nobody else is asked this often. */
const EVERY_S = 60;

/**
 * The configuration that `scripts/start` runs: one monitor interface, a capture engine, an IDS and passive DNS; with a rule source
 * also a downloader that reaches it and a rule manager. Grants are written out one by one, as an operator would give them;
 * here the operator gives all that these ask for, and approves the downloads of the lab's rules.
 */
export function labConfig(
  sensor: string,
  device: string,
  manifests: readonly Manifest[],
  source?: RuleSource,
): LabConfig {
  return {
    version: 1,
    sensor: { name: sensor },
    monitorInterfaces: [{ name: MONITOR, device }],
    ...(source && {
      activeInterfaces: [{ name: WAY_OUT, kind: 'dedicated' as const, device: source.device }],
      dns: { servers: [source.dnsServer] },
    }),
    instruments: manifests
      .filter(({ asks }) => source !== undefined || !(asks.fetch || asks.requestsDownloads))
      .map((manifest) => grantAll(manifest, source)),
    detectionCheck: { intervalS: 30, timeoutS: 15 },
  };
}

function grantAll({ name, asks }: Manifest, source: RuleSource | undefined): InstrumentInput {
  const watching = asks.interfaces.filter(({ kind }) => kind !== 'active');
  const sending = source === undefined ? [] : asks.interfaces.filter(({ kind }) => kind === 'active');
  return {
    name,
    package: name,
    interfaces: Object.fromEntries(watching.map((port) => [port.name, MONITOR])),
    ...(source &&
      sending.length > 0 && {
        active: Object.fromEntries(
          sending.map((port) => [port.name, { interface: WAY_OUT, address: source.address }]),
        ),
      }),
    grants: {
      capabilities: asks.capabilities,
      publish: asks.publish,
      read: asks.read,
      send: asks.send,
      ...(asks.deliver.length > 0 && { deliver: asks.deliver }),
      ...(asks.fetch && { fetch: true }),
      ...(asks.ui && { ui: true }),
      ...(source && asks.requestsDownloads && { downloads: downloadsFrom(source) }),
    },
  };
}

function downloadsFrom({ indexUrl, archiveUrl, ca }: RuleSource): DownloadInput[] {
  const download = (source: string, url: string): DownloadInput => ({
    name: `source-${source}`,
    url,
    as: `source-${source}`,
    everyS: EVERY_S,
    maxMib: 4,
    // The lab's addresses are private, and its authority is known to nobody else.
    privateAddresses: true,
    ca,
  });
  return [download(LAB_SOURCES.index, indexUrl), download(LAB_SOURCES.rules, archiveUrl)];
}
