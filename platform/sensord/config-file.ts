import { open } from 'node:fs/promises';
import { parseDocument } from 'yaml';
import { SensorConfigSchema, type SensorConfig } from '../contracts/index.ts';
import { BulkheadError, parseStrict } from '../kernel/index.ts';

/** A configuration larger than this is refused unread. */
const MAX_BYTES = 1 << 20;

/**
 * Reads and validates a sensor's configuration (YAML or JSON).
 * @throws BulkheadError SENSORD_CONFIG_UNREADABLE, SENSORD_CONFIG_INVALID with the JSON pointer in `fields.pointer`.
 */
export async function loadSensorConfig(path: string): Promise<SensorConfig> {
  return parseSensorConfig(await readConfigText(path), path);
}

/** @see loadSensorConfig */
export function parseSensorConfig(text: string, from: string): SensorConfig {
  return parseStrict(
    SensorConfigSchema,
    documentValue(text, from),
    'SENSORD_CONFIG_INVALID',
    `The configuration ${from}`,
  );
}

/** A YAML or JSON document as plain data, safe against repeated keys and alias bombs. @throws BulkheadError SENSORD_CONFIG_INVALID */
export function documentValue(text: string, from: string): unknown {
  if (Buffer.byteLength(text) > MAX_BYTES) throw tooLarge(from, Buffer.byteLength(text));
  const document = parseDocument(text, { uniqueKeys: true, version: '1.2', schema: 'core' });
  const fault = document.errors[0] ?? document.warnings[0];
  if (fault !== undefined) {
    throw new BulkheadError({
      code: 'SENSORD_CONFIG_INVALID',
      message: `${from} is not valid YAML: ${fault.message.split('\n')[0] ?? ''}`,
      hint: 'Correct the named line; the configuration in force stays as it is.',
      fields: { path: from, line: fault.linePos?.[0].line },
    });
  }
  try {
    // Few aliases: a handful of nested ones can blow a small document up to gigabytes.
    return document.toJS({ maxAliasCount: 50 });
  } catch (cause) {
    throw new BulkheadError({
      code: 'SENSORD_CONFIG_INVALID',
      message: `${from} uses too many YAML aliases.`,
      hint: 'Write the repeated parts out.',
      fields: { path: from },
      cause,
    });
  }
}

/** The text of a configuration file. @throws BulkheadError SENSORD_CONFIG_UNREADABLE, SENSORD_CONFIG_INVALID (too large). */
export async function readConfigText(path: string): Promise<string> {
  try {
    const file = await open(path, 'r');
    try {
      const { size } = await file.stat();
      if (size > MAX_BYTES) throw tooLarge(path, size);
      return await file.readFile('utf8');
    } finally {
      await file.close();
    }
  } catch (cause) {
    if (cause instanceof BulkheadError) throw cause;
    throw new BulkheadError({
      code: 'SENSORD_CONFIG_UNREADABLE',
      message: `The configuration ${path} cannot be read (${(cause as NodeJS.ErrnoException).code ?? 'unknown error'}).`,
      hint: 'Check that the file is there and that root may read it.',
      fields: { path },
      cause,
    });
  }
}

function tooLarge(from: string, size: number): BulkheadError {
  return new BulkheadError({
    code: 'SENSORD_CONFIG_INVALID',
    message: `The configuration ${from} is ${String(size)} bytes; at most ${String(MAX_BYTES)} are read.`,
    fields: { path: from, size },
  });
}
