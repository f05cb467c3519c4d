import type { BusModel } from './model.ts';

/** Instruments that a configuration of ours has accounts for. */
export function accountsIn(config: string): Set<string> {
  return new Set([...config.matchAll(/^ {2}"I_([a-z0-9-]+)" \{$/gm)].map((match) => match[1] ?? ''));
}

/**
 * The model with those instruments that have no account yet present but without rights; undefined when all have one.
 *
 * The server does not make the imports of an account work in the same reload in which the account appears (seen with
 * 2.15.1: requests find no responder until the next change). So an account is brought in first, and its rights after.
 */
export function withBareNewcomers(model: BusModel, known: ReadonlySet<string>): BusModel | undefined {
  if (model.instruments.every(({ name }) => known.has(name))) return undefined;
  return {
    ...model,
    instruments: model.instruments.map((instrument) =>
      known.has(instrument.name)
        ? instrument
        : { name: instrument.name, publish: [], read: [], send: [], accept: [], services: [] },
    ),
  };
}
