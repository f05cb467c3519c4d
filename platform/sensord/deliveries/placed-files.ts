import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { DeliveredFile } from '../../storage/index.ts';
import type { DesiredState } from '../desired.ts';
import { fetcher } from './target.ts';

/** One file among an instrument's resources, as people see it. */
export interface PlacedFile {
  as: string;
  /** An instrument's name; `operator` for an import; `configuration` for the operator's own files. */
  from: string;
  /** Who imported it. */
  by?: string;
  /** Id of the download that it was fetched for. */
  download?: string;
  /** Where the operator's own file comes from. */
  source?: string;
  sha256?: string;
  bytes?: number;
  /** When it was placed; ISO 8601. */
  at?: string;
  /** Its sender has lost the right since; the file stays until it is removed. */
  revoked: boolean;
}

/** What was delivered, with what became of the right to it. Pure. */
export function placedFile(desired: DesiredState, to: string, file: DeliveredFile): PlacedFile {
  const { as, sender, sha256, bytes, at } = file;
  const facts = { as, sha256, bytes, at };
  if ('operator' in sender) return { ...facts, from: 'operator', by: sender.operator, revoked: false };
  const { instrument, download } = sender;
  const granted =
    download === undefined ? mayDeliver(desired, instrument, to) : isApproved(desired, instrument, download);
  return {
    ...facts,
    from: instrument,
    ...(download === undefined ? {} : { download }),
    revoked: !granted,
  };
}

/** The operator's own files of an instrument, as they lie there. */
export async function configuredFiles(
  folder: string,
  resources: Readonly<Record<string, string>>,
): Promise<PlacedFile[]> {
  return Promise.all(
    Object.entries(resources).map(async ([as, source]) => {
      const told = { as, from: 'configuration', source, revoked: false };
      try {
        const facts = await stat(join(folder, as));
        const sha256 = await fileDigest(join(folder, as));
        return { ...told, sha256, bytes: facts.size, at: facts.mtime.toISOString() };
      } catch {
        return told; // not placed yet: the instrument has not been started
      }
    }),
  );
}

function mayDeliver(desired: DesiredState, from: string, to: string): boolean {
  const sender = desired.instruments.find(({ name }) => name === from);
  return sender?.rights.deliver.some((right) => right.to === to) === true;
}

function isApproved(desired: DesiredState, from: string, download: string): boolean {
  const [to, name] = download.split('/');
  const receiver = desired.instruments.find((one) => one.name === to);
  return (
    fetcher(desired)?.name === from && receiver?.rights.downloads.some((one) => one.name === name) === true
  );
}

async function fileDigest(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
