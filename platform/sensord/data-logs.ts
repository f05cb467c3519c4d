import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { DataCopy, DataSource } from '../data/index.ts';
import { sitePaths, type Site } from '../kernel/index.ts';

export interface LogSourceParts {
  site: Site;
  /** The configuration's history: when each revision was made. */
  revisionTimes: () => readonly string[];
}

/** Logs, and the history of the configuration: small, but copies all the same. */
export function logSource({ site, revisionTimes }: LogSourceParts): DataSource {
  return {
    name: 'logs',
    copies: async () => {
      const bus = join(sitePaths(site).busDir, 'log', 'nats-server.log');
      return [
        log(
          'sensord',
          'what sensord says: faults, names of instruments; no event',
          'standard error: the journal of systemd, or the terminal that it was started on',
          'by whoever keeps the journal (journald: its own limits)',
        ),
        {
          ...log('nats-server', 'connections and faults of the bus; no event', bus, 'bounded by size'),
          ...(await fileExtent(bus)),
        },
        log(
          'consoles',
          'what instruments print: faults, hostile text; kept by LXD',
          'the console buffer of each container, in LXD',
          'bounded by size; goes when the container is made again',
        ),
        configurationHistory(site, [...revisionTimes()].sort()),
      ];
    },
  };
}

function log(name: string, what: string, where: string, text: string): DataCopy {
  return {
    copy: `log/${name}`,
    kind: 'log',
    what,
    where,
    holder: 'platform',
    policy: { text },
    readers: [],
    goesTo: ['support bundles, redacted'],
  };
}

/** Nothing in a log tells its oldest line for sure; the time of its file does not either. So only size and newest. */
async function fileExtent(path: string): Promise<Pick<DataCopy, 'measured'>> {
  const facts = await stat(path).catch(() => undefined);
  return facts === undefined ? {} : { measured: { bytes: facts.size, newest: facts.mtime.toISOString() } };
}

function configurationHistory(site: Site, times: readonly string[]): DataCopy {
  return {
    copy: 'journal/configuration',
    kind: 'journal',
    what: 'revisions of the configuration: documents, authors and reasons',
    where: site.stateDir,
    holder: 'platform',
    measured: {
      records: times.length,
      ...(times[0] === undefined ? {} : { oldest: times[0] }),
      ...(times.at(-1) === undefined ? {} : { newest: times.at(-1) ?? '' }),
    },
    policy: { text: 'no limit by age: the newest 1,000 revisions' },
    readers: [],
    goesTo: [],
  };
}
