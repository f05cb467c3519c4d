import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { isMap, isScalar, parseDocument, visit } from 'yaml';
import { ManifestSchema, type Manifest } from '../contracts/index.ts';
import { BulkheadError, jsonPointer, parseStrict } from '../kernel/index.ts';

/** Name of the manifest inside of an app folder. */
export const MANIFEST_FILE = 'instrument.yaml';

const MAX_BYTES = 256 * 1024;
/** Deeper than any manifest; keeps the YAML parser's recursion bounded. */
const MAX_DEPTH = 32;
/** Keys that mean something to JavaScript objects. */
const POISONED_KEYS = new Set(['__proto__', 'constructor', 'prototype']);

/**
 * Reads and validates the manifest of an app folder.
 * @throws BulkheadError PACKAGES_MANIFEST_UNREADABLE, PACKAGES_MANIFEST_TOO_LARGE, PACKAGES_MANIFEST_INVALID
 *         (`fields.pointer`: JSON pointer of the first fault; for YAML that does not parse, `fields.line`)
 */
export async function readManifest(dir: string): Promise<Manifest> {
  const file = join(dir, MANIFEST_FILE);
  return parseManifest(await readBounded(file), file);
}

/** {@link readManifest} for a text that was already read. */
export function parseManifest(text: string, file: string): Manifest {
  if (Buffer.byteLength(text) > MAX_BYTES) throw tooLarge(file);
  const manifest = parseStrict(ManifestSchema, parseYaml(text, file), 'PACKAGES_MANIFEST_INVALID', file);
  checkSense(manifest, file);
  return manifest;
}

async function readBounded(file: string): Promise<string> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    if (!(await handle.stat()).isFile()) throw new Error('not a regular file');
    // One byte more than allowed tells a file that is too large, whatever its size was said to be.
    const buffer = Buffer.alloc(MAX_BYTES + 1);
    let length = 0;
    for (;;) {
      const { bytesRead } = await handle.read(buffer, length, buffer.length - length, length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    if (length > MAX_BYTES) throw tooLarge(file);
    return new TextDecoder('utf-8', { fatal: true }).decode(buffer.subarray(0, length));
  } catch (cause) {
    if (cause instanceof BulkheadError) throw cause;
    throw new BulkheadError({
      code: 'PACKAGES_MANIFEST_UNREADABLE',
      message: `The manifest ${file} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}.`,
      hint: `An app folder must contain ${MANIFEST_FILE} as a regular file in UTF-8.`,
      fields: { file },
      cause,
    });
  } finally {
    await handle?.close();
  }
}

/** Plain YAML 1.2: no aliases, no tags, no duplicate keys, bounded depth. */
function parseYaml(text: string, file: string): unknown {
  checkDepth(text, file);
  let document;
  try {
    document = parseDocument(text, {
      version: '1.2',
      schema: 'core',
      uniqueKeys: true,
      strict: true,
      merge: false,
    });
  } catch (cause) {
    throw invalid(file, 'it is not YAML that can be read', {}, cause); // the parser's recursion ended
  }
  const fault = document.errors[0] ?? document.warnings[0];
  if (fault !== undefined) {
    const line = fault.linePos?.[0].line;
    throw invalid(file, fault.message.split('\n')[0] ?? fault.code, line === undefined ? {} : { line });
  }
  visit(document, {
    Alias() {
      throw invalid(file, 'YAML aliases are not allowed', {});
    },
    Node(_key, node) {
      if (node.tag !== undefined && !node.tag.startsWith('tag:yaml.org,2002:')) {
        throw invalid(file, `the YAML tag ${JSON.stringify(node.tag.slice(0, 40))} is not allowed`, {});
      }
    },
    Pair(_key, pair, path) {
      const name = isScalar(pair.key) ? String(pair.key.value) : '';
      if (!isScalar(pair.key) || POISONED_KEYS.has(name)) {
        throw invalid(file, `the key ${JSON.stringify(name)} is not allowed`, {
          pointer: pointerOf(path, name),
        });
      }
    },
  });
  return document.toJS({ maxAliasCount: 0 });
}

/** Flow brackets and indentation bound the depth before the recursive parser sees the text. */
function checkDepth(text: string, file: string): void {
  let open = 0;
  for (const [index, line] of text.split('\n').entries()) {
    const indent = line.length - line.trimStart().length;
    const dashes = /^(?:\s*[-?:]\s)+/.exec(line)?.[0].length ?? 0;
    for (const character of line) {
      if (character === '[' || character === '{') open += 1;
      else if ((character === ']' || character === '}') && open > 0) open -= 1;
    }
    if (open > MAX_DEPTH || indent > MAX_DEPTH * 4 || dashes > MAX_DEPTH * 4) {
      throw invalid(file, `it is nested deeper than ${String(MAX_DEPTH)} levels`, { line: index + 1 });
    }
  }
}

function pointerOf(path: readonly unknown[], name: string): string {
  const keys: string[] = [];
  for (const step of path) {
    if (typeof step === 'object' && step !== null && 'key' in step && isScalar(step.key) && !isMap(step)) {
      keys.push(String(step.key.value));
    }
  }
  return jsonPointer([...keys, name]);
}

/** What the schema cannot say: each thing once, and a program that init can run. */
function checkSense(manifest: Manifest, file: string): void {
  if (!isAbsolute(manifest.command[0] ?? '')) {
    throw invalid(file, '/command/0: must be an absolute path', { pointer: '/command/0' });
  }
  manifest.command.forEach((word, index) => {
    // Written as one line each into init.conf.
    if (/[\0\r\n]/.test(word)) {
      const pointer = `/command/${String(index)}`;
      throw invalid(file, `${pointer}: must not contain line breaks`, { pointer });
    }
  });
  once(file, '/asks/capabilities', manifest.asks.capabilities);
  once(file, '/asks/publish', manifest.asks.publish);
  once(file, '/asks/accept', manifest.asks.accept);
  once(
    file,
    '/asks/interfaces',
    manifest.asks.interfaces.map((asked) => asked.name),
  );
}

function once(file: string, at: string, values: readonly string[]): void {
  const repeated = values.findIndex((value, index) => values.indexOf(value) !== index);
  if (repeated === -1) return;
  const pointer = `${at}/${String(repeated)}`;
  throw invalid(file, `${pointer}: repeats ${JSON.stringify(values[repeated])}`, { pointer });
}

function invalid(
  file: string,
  why: string,
  place: { pointer?: string; line?: number },
  cause?: unknown,
): BulkheadError {
  const at = place.line === undefined ? '' : ` (line ${String(place.line)})`;
  return new BulkheadError({
    code: 'PACKAGES_MANIFEST_INVALID',
    message: `${file} is not valid: ${why}${at}`,
    hint: 'Correct the named place; nothing of the package was installed.',
    fields: { file, ...place },
    cause,
  });
}

function tooLarge(file: string): BulkheadError {
  return new BulkheadError({
    code: 'PACKAGES_MANIFEST_TOO_LARGE',
    message: `The manifest ${file} is larger than ${String(MAX_BYTES / 1024)} KiB.`,
    hint: 'A manifest has a few kilobytes; data belongs into files beside it.',
    fields: { file, limitBytes: MAX_BYTES },
  });
}
