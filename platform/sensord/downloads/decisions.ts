import { z } from 'zod';
import {
  DownloadGrantSchema,
  NameSchema,
  type DownloadGrant,
  type PlatformEventType,
} from '../../contracts/index.ts';
import { BulkheadError, parseStrict } from '../../kernel/index.ts';
import { SETTLE_TIMEOUT_MS, type ChangeRequest, type ConfigChanges } from '../config-change.ts';
import { parseSensorConfig } from '../config-file.ts';
import type { Configuration } from '../configuration.ts';
import { digestOf, type DesiredState } from '../desired.ts';
import { withGrants } from '../grants/document-edit.ts';
import { cleanAuthor, cleanReason } from '../revisions-format.ts';
import type { WantedDownload, WantedDownloads } from './wanted.ts';

const WHO = { author: z.string().max(500).default('unknown'), reason: z.string().max(5000).default('') };
const WHICH = { instrument: NameSchema, name: DownloadGrantSchema.shape.name };
const { shape: GRANT } = DownloadGrantSchema;

export const ApproveSchema = z.strictObject({
  ...WHICH,
  ...WHO,
  redirectHosts: GRANT.redirectHosts.unwrap().optional(),
  privateAddresses: z.boolean().optional(),
  sha256: GRANT.sha256,
  sha256Url: GRANT.sha256Url,
  signatureKey: GRANT.signatureKey,
  ca: GRANT.ca,
  everyS: GRANT.everyS.unwrap().optional(),
  maxMib: GRANT.maxMib.unwrap().optional(),
});
export const DecideSchema = z.strictObject({ ...WHICH, ...WHO });

export interface DecisionParts {
  wanted: WantedDownloads;
  desired: () => DesiredState;
  configuration: Pick<Configuration, 'withhold'>;
  changes: Pick<ConfigChanges, 'apply'>;
  publish: (type: PlatformEventType, record: Record<string, unknown>) => void;
}

/** What people decide about downloads. Approving and revoking are revisions of the configuration. */
export class DownloadDecisions {
  readonly #parts: DecisionParts;

  constructor(parts: DecisionParts) {
    this.#parts = parts;
  }

  /**
   * Approves what an instrument asks for, with these bounds; for one that was approved, gives it other bounds.
   * @throws BulkheadError SENSORD_DOWNLOAD_UNKNOWN, SENSORD_REQUEST_INVALID, SENSORD_CONFIG_*
   */
  async approve(request: z.output<typeof ApproveSchema>): Promise<{ revision: number; changed: boolean }> {
    const { instrument, name, author, reason, ...bounds } = request;
    const { wanted, publish } = this.#parts;
    const wish = wanted.find(instrument, name);
    const before = this.#granted(instrument, name);
    if (wish === undefined && before === undefined) throw unknown(instrument, name);
    const grant = parseStrict(
      DownloadGrantSchema,
      {
        ...(wish === undefined ? before : { ...askOf(wish), ...keptBounds(before, wish), as: wish.as }),
        ...Object.fromEntries(Object.entries(bounds).filter(([, value]) => value !== undefined)),
      },
      'SENSORD_REQUEST_INVALID',
      'The download',
    );
    const outcome = await this.#change(instrument, (downloads) => withDownload(downloads, grant), {
      author,
      reason: cleanReason(reason) || `the download ${instrument}/${name} (${grant.url}) is approved`,
      watch: 'steps',
    });
    await wanted.judge(instrument, name, undefined);
    const { url } = grant;
    publish('download.decided', {
      instrument,
      name,
      url,
      decision: 'approved',
      by: cleanAuthor(author),
      ...outcome,
    });
    return outcome;
  }

  /** @throws BulkheadError SENSORD_DOWNLOAD_UNKNOWN when nobody asks for it */
  async refuse({ instrument, name, author, reason }: z.output<typeof DecideSchema>): Promise<void> {
    const { wanted, publish } = this.#parts;
    const wish = wanted.find(instrument, name);
    if (wish === undefined) throw unknown(instrument, name);
    const by = cleanAuthor(author);
    await wanted.judge(instrument, name, { by, reason: cleanReason(reason) });
    publish('download.decided', { instrument, name, url: wish.url, decision: 'refused', by });
  }

  /**
   * Takes an approval back, at once: what the fetcher brings from now on is refused, whatever other change is being watched. What
   * was delivered stays. @throws BulkheadError SENSORD_DOWNLOAD_UNKNOWN, SENSORD_CONFIG_*
   */
  async revoke({ instrument, name, author, reason }: z.output<typeof DecideSchema>) {
    const before = this.#granted(instrument, name);
    if (before === undefined) throw unknown(instrument, name);
    const release = this.#parts.configuration.withhold(instrument, (rights) => ({
      ...rights,
      downloads: without(rights.downloads, name),
    }));
    try {
      const outcome = await this.#change(instrument, (downloads) => without(downloads, name), {
        author,
        reason: cleanReason(reason) || `the download ${instrument}/${name} is no longer approved`,
        watch: 'nothing',
      });
      const told = { instrument, name, url: before.url, by: cleanAuthor(author), ...outcome };
      this.#parts.publish('download.decided', { ...told, decision: 'revoked' });
      return outcome;
    } finally {
      release();
    }
  }

  #granted(instrument: string, name: string): DownloadGrant | undefined {
    const found = this.#parts.desired().instruments.find((one) => one.name === instrument);
    return found?.rights.downloads.find((one) => one.name === name);
  }

  async #change(
    instrument: string,
    edit: (downloads: readonly DownloadGrant[]) => DownloadGrant[],
    who: Pick<ChangeRequest, 'author' | 'reason' | 'watch'>,
  ) {
    return this.#parts.changes.apply({
      ...who,
      document: (inForce) => {
        const { instruments } = parseSensorConfig(inForce, 'in force');
        const grants = instruments.find(({ name }) => name === instrument)?.grants;
        if (grants === undefined) throw notConfigured(instrument);
        const downloads = edit(grants.downloads);
        if (digestOf(downloads) === digestOf(grants.downloads)) return inForce;
        return withGrants(inForce, instrument, { ...grants, downloads });
      },
      origin: 'apply',
      timeoutMs: SETTLE_TIMEOUT_MS,
    });
  }
}

/** In the place of one of the same name, or at the end. */
function withDownload(downloads: readonly DownloadGrant[], grant: DownloadGrant): DownloadGrant[] {
  const known = downloads.some(({ name }) => name === grant.name);
  return known ? downloads.map((one) => (one.name === grant.name ? grant : one)) : [...downloads, grant];
}

function without(downloads: readonly DownloadGrant[], name: string): DownloadGrant[] {
  return downloads.filter((one) => one.name !== name);
}

/** What a person said earlier about the same address holds on; about another one it was never said. */
function keptBounds(before: DownloadGrant | undefined, wish: WantedDownload): Partial<DownloadGrant> {
  return before?.url === wish.url ? before : {};
}

function askOf({ name, url, as, everyS, maxMib }: WantedDownload) {
  return { name, url, as, everyS, maxMib };
}

function unknown(instrument: string, name: string): BulkheadError {
  return new BulkheadError({
    code: 'SENSORD_DOWNLOAD_UNKNOWN',
    message: `There is no download ${instrument}/${name}.`,
    hint: '`bulkhead downloads list` shows those that are asked for and those that are approved.',
    fields: { instrument, download: name },
  });
}

/** An instrument that runs beside the configuration has no place for an approval. */
function notConfigured(instrument: string): BulkheadError {
  return new BulkheadError({
    code: 'SENSORD_INSTRUMENT_UNKNOWN',
    message: `${instrument} does not stand in the configuration.`,
    hint: 'Add it there first.',
    fields: { instrument },
  });
}
