import type { DataCopy, DataSource } from '../../data/index.ts';
import { sitePaths, type Site } from '../../kernel/index.ts';
import { DELIVERY_LIMITS } from '../../storage/index.ts';
import type { DesiredState } from '../desired.ts';
import type { StorageRoom } from '../rooms.ts';
import { placedFile } from './placed-files.ts';

/** Names that stand in the report for each receiver; of more, the number. */
const NAMED = 10;

/** Delivered and imported files, as copies that the platform keeps for their receivers. */
export function deliveredCopies(parts: {
  site: Site;
  storage: Pick<StorageRoom, 'deliveries'>;
  desired: () => DesiredState;
}): DataSource {
  const { deliveries } = parts.storage;
  const copyOf = async (to: string): Promise<DataCopy | undefined> => {
    const files = (await deliveries.list(to)).map((file) => placedFile(parts.desired(), to, file));
    const times = files.flatMap(({ at }) => at ?? []).sort();
    const [oldest, newest] = [times[0], times.at(-1)];
    if (oldest === undefined || newest === undefined) return undefined;
    const named = files
      .slice(0, NAMED)
      .map(({ as, from, by, revoked }) => {
        const right = revoked ? ', which may deliver no more' : '';
        return `${as} (from ${from}${by === undefined ? '' : `, ${by}`}${right})`;
      })
      .join(', ');
    const more = files.length > NAMED ? ` and ${String(files.length - NAMED)} more` : '';
    return {
      copy: `delivered/${to}`,
      kind: 'delivery',
      what: `files that were delivered: ${named}${more}`,
      where: sitePaths(parts.site).resourcesDir(to),
      holder: 'platform',
      limitBytes: DELIVERY_LIMITS.totalBytes,
      measured: {
        records: files.length,
        bytes: files.reduce((sum, { bytes = 0 }) => sum + bytes, 0),
        oldest,
        newest,
      },
      policy: {
        text: 'none by age: until the sender or the operator removes it, or the receiver’s volume is destroyed',
      },
      readers: [to],
      goesTo: [],
    };
  };
  return {
    name: 'deliveries',
    copies: async () => {
      const copies = await Promise.all((await deliveries.receivers()).map(copyOf));
      return copies.filter((copy) => copy !== undefined);
    },
  };
}
