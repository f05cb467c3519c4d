/** Values of one log line. Put no secrets in it. */
export type LogFields = Readonly<Record<string, unknown>>;

/** JSON lines on standard output; the sensor keeps the last of them and `bulkhead logs` shows them. */
export interface InstrumentLog {
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/** Longest line; a longer one is cut to its message. */
const MAX_LINE = 8 * 1024;

/** Opens the log of one instrument. */
export function openInstrumentLog(instrument: string, write: (line: string) => void): InstrumentLog {
  const line = (level: string, message: string, fields: LogFields | undefined): void => {
    const head = { time: new Date().toISOString(), level, instrument, msg: message.slice(0, 2_000) };
    const text = JSON.stringify({ ...fields, ...head });
    write(text.length <= MAX_LINE ? text : JSON.stringify({ ...head, cut: true }));
  };
  return Object.freeze({
    info: (message: string, fields?: LogFields) => {
      line('info', message, fields);
    },
    warn: (message: string, fields?: LogFields) => {
      line('warn', message, fields);
    },
    error: (message: string, fields?: LogFields) => {
      line('error', message, fields);
    },
  });
}
