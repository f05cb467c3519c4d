import { parseDocument } from 'yaml';
import { z } from 'zod';
import { BulkheadError, parseStrict } from '../kernel/index.ts';
import { openArchive, unreadable, type ArchiveStream } from './archive-stream.ts';
import { IMAGE_LIMITS, ImagePolicy, LimitFault, type ImageLimits } from './image-policy.ts';
import { TarFault } from './tar-header.ts';
import { readTar } from './tar-reader.ts';

/** What was found in an image archive that may be imported. */
export interface CheckedImage {
  /** Files, folders and links. */
  entries: number;
  /** SHA-256 of the file: LXD's fingerprint of it. Import only what has this fingerprint. */
  fingerprint: string;
}

const METADATA_BYTES = 64 * 1024;

/** LXD's image metadata (its doc/image-handling) without `templates`, which it would render as root on the host. */
const MetadataSchema = z.strictObject({
  architecture: z.string().regex(/^[a-z0-9_]{2,20}$/),
  creation_date: z.int().min(0),
  expiry_date: z.int().min(0).optional(),
  properties: z
    .record(z.string().regex(/^[a-z0-9_.-]{1,64}$/), z.union([z.string().max(1024), z.number()]))
    .optional(),
});

/**
 * Reads a unified image archive entry by entry, before anything else unpacks it, and refuses one that could reach outside
 * of its container: LXD unpacks images as root and follows links in them.
 * Nothing is written; memory is bounded by `limits.entries`.
 * @throws BulkheadError PACKAGES_IMAGE_REFUSED (`fields.entry` names the entry), PACKAGES_IMAGE_TOO_LARGE,
 *         PACKAGES_IMAGE_UNREADABLE
 */
export async function checkImageArchive(
  file: string,
  limits: Partial<ImageLimits> = {},
): Promise<CheckedImage> {
  const bounds = { ...IMAGE_LIMITS, ...limits };
  const deadline = AbortSignal.timeout(bounds.timeoutMs);
  let current = '';
  let archive: ArchiveStream | undefined;
  try {
    archive = await openArchive(file, bounds.archiveBytes, deadline);
    const policy = new ImagePolicy(bounds);
    for await (const entry of readTar(archive.chunks)) {
      current = entry.path;
      const path = policy.admit(entry);
      if (path === 'metadata.yaml') checkMetadata((await entry.content(METADATA_BYTES)).toString('utf8'));
    }
    current = '';
    policy.finish();
    return { entries: policy.entries, fingerprint: await archive.fingerprint() };
  } catch (error) {
    if (deadline.aborted)
      throw tooLarge(file, current, `the check took longer than ${String(bounds.timeoutMs)} ms`);
    if (error instanceof LimitFault) throw tooLarge(file, current, error.message);
    if (error instanceof TarFault) throw refused(file, current, error.message, error);
    if (error instanceof BulkheadError) throw error;
    throw unreadable(file, error instanceof Error ? error.message : String(error), error);
  } finally {
    await archive?.close();
  }
}

function checkMetadata(text: string): void {
  const document = parseDocument(text, { uniqueKeys: true, strict: true });
  const fault = document.errors[0] ?? document.warnings[0];
  if (fault !== undefined) throw new TarFault(`metadata.yaml that is not plain YAML (${fault.code})`);
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 0 });
  } catch (cause) {
    throw new TarFault(`metadata.yaml with aliases (${String(cause)})`);
  }
  parseStrict(MetadataSchema, value, 'PACKAGES_IMAGE_REFUSED', 'metadata.yaml of the image');
}

/** Names come from the archive: shortened and quoted, so that no message carries control characters. */
function quoted(entry: string): string {
  return entry === '' ? 'the archive' : JSON.stringify(entry.slice(0, 200));
}

function refused(file: string, entry: string, why: string, cause: unknown): BulkheadError {
  return new BulkheadError({
    code: 'PACKAGES_IMAGE_REFUSED',
    message: `The image archive ${file} is refused at ${quoted(entry)}: ${why}.`,
    hint: 'Do not import it by hand. An image built by images/build has no such entry.',
    fields: { file, entry: entry.slice(0, 200) },
    cause,
  });
}

function tooLarge(file: string, entry: string, why: string): BulkheadError {
  return new BulkheadError({
    code: 'PACKAGES_IMAGE_TOO_LARGE',
    message: `The image archive ${file} is refused at ${quoted(entry)}: ${why}.`,
    hint: 'An image of an instrument has some hundred MiB and some ten thousand files.',
    fields: { file, entry: entry.slice(0, 200) },
  });
}
