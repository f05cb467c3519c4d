import { z } from 'zod';
import {
  DownloadGrantSchema,
  NameSchema,
  type DownloadGrant,
  type PlatformEventType,
} from '../../contracts/index.ts';
import { BulkheadError, hasCode } from '../../kernel/index.ts';
import { SETTLE_TIMEOUT_MS, type ConfigChanges } from '../config-change.ts';
import type { Configuration } from '../configuration.ts';
import type { DesiredState } from '../desired.ts';
import { cleanAuthor, cleanReason } from '../revisions-format.ts';
import { grantOf, withDownload, withoutDownload } from './grant-edit.ts';
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
  configuration: Pick<Configuration, 'revisions'>;
  changes: Pick<ConfigChanges, 'apply'>;
  publish: (type: PlatformEventType, record: Record<string, unknown>) => void;
}

/** Somebody may change the configuration between our look at it and our turn. */
const TRIES = 3;

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
    const grant = grantOf({
      ...(wish === undefined ? before : { ...keptBounds(before, wish), ...askOf(wish) }),
      ...Object.fromEntries(Object.entries(bounds).filter(([, value]) => value !== undefined)),
    });
    const why = cleanReason(reason) || `the download ${instrument}/${name} (${grant.url}) is approved`;
    const outcome = await this.#change((document) => withDownload(document, instrument, grant), author, why);
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

  /** Takes an approval back; what was delivered stays. @throws BulkheadError SENSORD_DOWNLOAD_UNKNOWN, SENSORD_CONFIG_* */
  async revoke({ instrument, name, author, reason }: z.output<typeof DecideSchema>) {
    const before = this.#granted(instrument, name);
    if (before === undefined) throw unknown(instrument, name);
    const why = cleanReason(reason) || `the download ${instrument}/${name} is no longer approved`;
    const outcome = await this.#change(
      (document) => withoutDownload(document, instrument, name),
      author,
      why,
    );
    const by = cleanAuthor(author);
    this.#parts.publish('download.decided', {
      ...{ instrument, name, url: before.url, decision: 'revoked', by, ...outcome },
    });
    return outcome;
  }

  #granted(instrument: string, name: string): DownloadGrant | undefined {
    const found = this.#parts.desired().instruments.find((one) => one.name === instrument);
    return found?.rights.downloads.find((one) => one.name === name);
  }

  async #change(edit: (document: string) => string, author: string, reason: string) {
    for (let tries = 1; ; tries += 1) {
      const { current } = this.#parts.configuration.revisions;
      if (current === undefined) throw new Error('no configuration was loaded yet');
      try {
        return await this.#parts.changes.apply({
          document: edit(current.document),
          author,
          reason,
          origin: 'apply',
          expectRevision: current.number,
          timeoutMs: SETTLE_TIMEOUT_MS,
        });
      } catch (error) {
        if (tries >= TRIES || !hasCode(error, 'SENSORD_CONFIG_CONFLICT')) throw error;
      }
    }
  }
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
