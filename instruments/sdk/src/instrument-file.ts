import { open } from 'node:fs/promises';
import { z } from 'zod';
import { InstrumentError } from './errors.ts';
import { LIMITS, PROTOCOL_VERSION } from './protocol.ts';

const Name = z.string().regex(/^[a-z](?:[a-z0-9-]{0,28}[a-z0-9])?$/);
const Type = z
  .string()
  .max(64)
  .regex(/^[a-z][a-z0-9_]*(?:\.[a-z0-9_]+){0,3}$/);

const RightsShape = {
  publish: z.array(Type).max(64),
  read: z
    .array(
      z.strictObject({ from: Name, type: Type, stream: z.string().max(64), consumer: z.string().max(128) }),
    )
    .max(256),
  send: z.array(z.strictObject({ to: Name, command: Type })).max(256),
  accept: z.array(Type).max(64),
  /** Services of the platform; a sensor that does not know of them lists none. */
  services: z.array(Type).max(16).default([]),
};

/** Rights as the platform tells them of a running instrument. */
export const InstrumentRightsSchema = z.strictObject(RightsShape);

const InstrumentFileSchema = z.strictObject({
  protocol: z.literal(PROTOCOL_VERSION),
  name: Name,
  package: Name,
  version: z.string().min(1).max(64),
  sensor: Name,
  bus: z.strictObject({
    url: z
      .string()
      .max(256)
      .regex(/^nats:\/\/[0-9a-zA-Z.:[\]-]+$/, 'must be nats://host:port'),
    keyFile: z.string().startsWith('/').max(4096),
  }),
  options: z.record(z.string().max(64), z.json()),
  interfaces: z
    .array(
      z.strictObject({
        name: z.string().min(1).max(15),
        kind: z.enum(['mirror', 'capture-in', 'capture-out']),
        monitor: Name.optional(),
      }),
    )
    .max(64),
  ...RightsShape,
});

/** `instrument.json`: who the instrument is, its options, and the rights that it was given. */
export type InstrumentFile = z.output<typeof InstrumentFileSchema>;

/**
 * Parses the text of an `instrument.json`.
 * @throws InstrumentError BUS_FILE_INVALID with the JSON pointer of the first fault
 */
export function parseInstrumentFile(text: string, path: string): InstrumentFile {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw invalid(path, '/', 'is not JSON', cause);
  }
  const result = InstrumentFileSchema.safeParse(value);
  if (!result.success) {
    const issue = result.error.issues[0];
    const at =
      issue?.code === 'unrecognized_keys' ? [...issue.path, issue.keys[0] ?? ''] : (issue?.path ?? []);
    throw invalid(path, pointerOf(at), issue?.message ?? 'is not valid', result.error);
  }
  return freeze(result.data);
}

/**
 * Reads at most 1 MiB of a file, so that a wrong path cannot fill our memory.
 * @throws InstrumentError BUS_FILE_INVALID
 */
export async function readBounded(path: string, maxBytes: number): Promise<string> {
  try {
    const file = await open(path, 'r');
    try {
      const buffer = Buffer.alloc(maxBytes + 1);
      let length = 0;
      for (;;) {
        const { bytesRead } = await file.read(buffer, length, buffer.length - length);
        if (bytesRead === 0) break;
        length += bytesRead;
        if (length > maxBytes) throw new RangeError(`larger than ${String(maxBytes)} bytes`);
      }
      return buffer.toString('utf8', 0, length);
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw invalid(
      path,
      '/',
      `cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`,
      cause,
    );
  }
}

/** Reads and parses `instrument.json`. */
export async function readInstrumentFile(path: string): Promise<InstrumentFile> {
  return parseInstrumentFile(await readBounded(path, LIMITS.fileBytes), path);
}

/** A JSON pointer (RFC 6901) from the path of a validation issue. */
export function pointerOf(path: readonly PropertyKey[]): string {
  return path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('') || '/';
}

/** Freezes a value and all that it holds. */
export function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) freeze(inner);
  }
  return value;
}

function invalid(path: string, pointer: string, text: string, cause: unknown): InstrumentError {
  return new InstrumentError({
    code: 'BUS_FILE_INVALID',
    message: `${path}: ${pointer}: ${text}`,
    hint: 'The sensor writes this file; its protocol version and that of the instrument must match.',
    fields: { path, pointer },
    cause,
  });
}
