import type { DownloadGrant, SensorConfig } from '../../contracts/index.ts';
import { downloadBytes, fetcher } from '../deliveries/target.ts';
import type { DesiredState } from '../desired.ts';

/** One approved download as the downloader gets it (sdk: `DownloadJobSchema`). */
export interface DownloadJob {
  /** `<instrument>/<name>` */
  id: string;
  for: string;
  url: string;
  redirectHosts: readonly string[];
  everyS: number;
  maxBytes: number;
  sha256?: string;
  sha256Url?: string;
  signatureKey?: string;
  ca?: string;
  privateAddresses: boolean;
}

/** The complete list, as `download.jobs` sends it. */
export interface DownloadJobs {
  jobs: DownloadJob[];
  proxy?: { host: string; port: number; privateAddress: boolean };
}

/** What a list may hold: the sdk takes no longer one, and the bus no larger command. */
const MAX_JOBS = 256;
const MAX_BYTES = 240 * 1024;

/**
 * The approved downloads of all enabled instruments, for the one that fetches. Pure.
 * @returns what does not fit is left out and named.
 */
export function compileJobs(
  desired: Pick<DesiredState, 'instruments'>,
  proxy: SensorConfig['downloads']['proxy'],
): { list: DownloadJobs; leftOut: string[] } {
  const list: DownloadJobs = {
    jobs: [],
    ...(proxy === undefined
      ? {}
      : { proxy: { host: proxy.host, port: proxy.port, privateAddress: proxy.privateAddress } }),
  };
  const leftOut: string[] = [];
  let bytes = JSON.stringify(list).length;
  for (const { name, enabled, rights } of desired.instruments) {
    if (!enabled) continue;
    for (const grant of rights.downloads) {
      const job = jobOf(name, grant);
      const added = Buffer.byteLength(JSON.stringify(job)) + 1;
      if (list.jobs.length >= MAX_JOBS || bytes + added > MAX_BYTES) {
        leftOut.push(job.id);
        continue;
      }
      bytes += added;
      list.jobs.push(job);
    }
  }
  return { list, leftOut };
}

/** What stands in the way of downloads as a whole, in words. */
export function fetchProblems(desired: DesiredState, jobs: number): string[] {
  const fetchers = desired.instruments.filter(({ enabled, rights }) => enabled && rights.fetch);
  const [first, ...others] = fetchers.map(({ name }) => name);
  if (first === undefined)
    return jobs === 0 ? [] : ['downloads are approved, and no instrument may fetch them'];
  return others.length === 0
    ? []
    : [`only ${first} fetches downloads; ${others.join(', ')} may too, and does not`];
}

/** Who fetches. */
export function fetcherName(desired: DesiredState): string | undefined {
  return fetcher(desired)?.name;
}

function jobOf(instrument: string, grant: DownloadGrant): DownloadJob {
  const { name, url, redirectHosts, everyS, sha256, sha256Url, signatureKey, ca, privateAddresses } = grant;
  return {
    id: `${instrument}/${name}`,
    for: instrument,
    url,
    redirectHosts,
    everyS,
    maxBytes: downloadBytes(grant),
    ...(sha256 === undefined ? {} : { sha256 }),
    ...(sha256Url === undefined ? {} : { sha256Url }),
    ...(signatureKey === undefined ? {} : { signatureKey }),
    ...(ca === undefined ? {} : { ca }),
    privateAddresses,
  };
}
