import { z } from 'zod';
import { BulkheadError, parseStrict } from '../kernel/index.ts';
import {
  CommandNameSchema,
  EventTypeSchema,
  NameSchema,
  PLATFORM,
  RESERVED_NAMES,
} from '../contracts/index.ts';
import { BUS_LIMITS } from './limits.ts';
import { consumerName } from './names.ts';

const InstrumentSchema = z.strictObject({
  name: NameSchema.refine((name) => !RESERVED_NAMES.includes(name), 'is reserved for the platform'),
  /** Event types that it may publish. */
  publish: z.array(EventTypeSchema).max(64),
  /** Kinds of event that it may read; `from` is an instrument of this sensor or `platform`. */
  read: z.array(z.strictObject({ from: NameSchema, type: EventTypeSchema })).max(256),
  /** Commands that it may send. A right only when the recipient accepts the command too. */
  send: z.array(z.strictObject({ to: NameSchema, command: CommandNameSchema })).max(256),
  /** Commands that it answers. */
  accept: z.array(CommandNameSchema).max(64),
  /** Services of the platform that it may ask. */
  services: z.array(CommandNameSchema).max(16).default([]),
});

const BusModelSchema = z.strictObject({
  /** Name of the sensor, for `ce-source`. */
  sensor: NameSchema,
  /** Encrypt what is stored. Cannot be changed for a store that holds events. */
  encrypt: z.boolean(),
  /** Size of each publisher's stream in MiB. */
  streamMib: z.int().min(1).max(1_048_576),
  instruments: z.array(InstrumentSchema).max(BUS_LIMITS.instruments),
});

/** Everything that the bus needs to know: who is there, and the effective rights (asked ∩ granted). */
export type BusModel = z.input<typeof BusModelSchema>;
export type BusInstrument = BusModel['instruments'][number];

/**
 * Checks a model.
 * @throws BulkheadError BUS_MODEL_INVALID with the JSON pointer
 */
export function parseBusModel(value: unknown): BusModel {
  const model = parseStrict(BusModelSchema, value, 'BUS_MODEL_INVALID', 'The model of the bus');
  const names = new Set<string>();
  model.instruments.forEach((instrument, index) => {
    if (names.has(instrument.name)) {
      throw invalid(`/instruments/${String(index)}/name`, `repeats "${instrument.name}"`);
    }
    names.add(instrument.name);
    const consumers = new Map<string, string>();
    instrument.read.forEach(({ from, type }, readIndex) => {
      const key = `${from} ${consumerName(instrument.name, type)}`;
      const other = consumers.get(key);
      if (other !== undefined && other !== type) {
        throw invalid(
          `/instruments/${String(index)}/read/${String(readIndex)}/type`,
          `"${type}" and "${other}" would share one consumer`,
        );
      }
      consumers.set(key, type);
    });
  });
  return model;
}

/** One effective right to read, with the places it is read from. */
export interface ReadRight {
  reader: string;
  from: string;
  type: string;
}

/** Rights to read whose publisher exists, sorted, each once. */
export function readRights(model: BusModel): ReadRight[] {
  const names = new Set([PLATFORM, ...model.instruments.map((instrument) => instrument.name)]);
  const rights = model.instruments.flatMap((instrument) =>
    instrument.read
      .filter(({ from }) => names.has(from))
      .map(({ from, type }) => ({ reader: instrument.name, from, type })),
  );
  return uniqueSorted(rights, (right) => `${right.from} ${right.type} ${right.reader}`);
}

/** Rights to send whose recipient exists and accepts the command, sorted, each once. */
export function sendRights(model: BusModel): { from: string; to: string; command: string }[] {
  const accepts = new Map(model.instruments.map((instrument) => [instrument.name, instrument.accept]));
  const rights = model.instruments.flatMap((instrument) =>
    instrument.send
      .filter(({ to, command }) => to !== instrument.name && accepts.get(to)?.includes(command) === true)
      .map(({ to, command }) => ({ from: instrument.name, to, command })),
  );
  return uniqueSorted(rights, (right) => `${right.to} ${right.from} ${right.command}`);
}

/** Services of the platform that instruments may ask, sorted, each once. */
export function serviceRights(model: BusModel): { instrument: string; service: string }[] {
  const rights = model.instruments.flatMap(({ name, services = [] }) =>
    services.map((service) => ({ instrument: name, service })),
  );
  return uniqueSorted(rights, (right) => `${right.instrument} ${right.service}`);
}

/** Each item once, in the order of its key, so that the same rights always give the same text. */
export function uniqueSorted<T>(items: readonly T[], key: (item: T) => string): T[] {
  const byKey = new Map(items.map((item) => [key(item), item]));
  return [...byKey.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, item]) => item);
}

function invalid(pointer: string, text: string): BulkheadError {
  return new BulkheadError({
    code: 'BUS_MODEL_INVALID',
    message: `The model of the bus is not valid: ${pointer}: ${text}`,
    hint: 'Correct the named place and try again; nothing was changed.',
    fields: { pointer },
  });
}
