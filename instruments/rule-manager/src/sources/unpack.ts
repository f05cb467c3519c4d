import { createGunzip } from 'node:zlib';
import { RulesError } from '../errors.ts';
import { isTar, readTar } from './tar.ts';

/** A text of rules inside of a source's file. */
export interface RuleText {
  name: string;
  bytes: Buffer;
}

/** What a source may become when it is unpacked. */
export interface UnpackBounds {
  maxBytes: number;
  maxMembers: number;
}
export const UNPACK_BOUNDS: UnpackBounds = Object.freeze({ maxBytes: 256 * 2 ** 20, maxMembers: 2_000 });

/**
 * The rule texts of a source's file: the `*.rules` of a tar archive, or the file itself; each also gzipped. What was withdrawn by the
 * owner (`deleted.rules`) is left out.
 * @throws RulesError RULES_FILE_TYPE, RULES_ARCHIVE_BROKEN, RULES_ARCHIVE_BOMB
 */
export async function unpack(
  name: string,
  file: Buffer,
  bounds: UnpackBounds = UNPACK_BOUNDS,
): Promise<RuleText[]> {
  const gzipped = file.length > 2 && file[0] === 0x1f && file[1] === 0x8b;
  const bytes = gzipped ? await gunzip(file, bounds.maxBytes) : file;
  if (isTar(bytes)) {
    return readTar(bytes, isRulesFile, {
      maxMembers: bounds.maxMembers,
      maxMemberBytes: bounds.maxBytes,
    });
  }
  const start = bytes.toString('latin1', 0, 512);
  if (/^(?:PK\x03\x04|\x7fELF|BZh|\xfd7zXZ|%PDF|\x28\xb5\x2f\xfd)/.test(start)) {
    throw new RulesError('RULES_FILE_TYPE', 'The file is neither rules nor an archive that is read.');
  }
  if (/^\s*<(?:!doctype|html|\?xml)/i.test(start)) {
    throw new RulesError('RULES_FILE_TYPE', 'The file is a web page, not rules.');
  }
  return [{ name, bytes }];
}

function isRulesFile(name: string): boolean {
  return /^[^.].*\.rules$/.test(name) && !/(?:^|-|_)deleted\.rules$/.test(name);
}

/** Unpacks at most `maxBytes`; of a bomb no more than that is ever in memory. */
export function gunzip(file: Buffer, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const stream = createGunzip();
    const chunks: Buffer[] = [];
    let size = 0;
    const fail = (error: RulesError): void => {
      stream.destroy();
      reject(error);
    };
    stream.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > maxBytes) {
        fail(
          new RulesError('RULES_ARCHIVE_BOMB', `The file unpacks to more than ${String(maxBytes)} bytes.`),
        );
      } else chunks.push(chunk);
    });
    stream.on('error', () => {
      fail(new RulesError('RULES_ARCHIVE_BROKEN', 'The gzip data is damaged or incomplete.'));
    });
    stream.on('end', () => {
      resolve(Buffer.concat(chunks, size));
    });
    stream.end(file);
  });
}
