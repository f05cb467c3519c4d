import { pino, type DestinationStream, type Logger } from 'pino';

export type { Logger };

/** Paths whose values never reach a log line, at any of the first two depths. */
const SECRET_FIELDS = ['seed', 'key', 'secret', 'password', 'passphrase', 'token', 'authorization'] as const;

/**
 * JSON lines on standard error (standard output belongs to command results). Secrets are redacted by path.
 * @param room the room that logs, for filtering: `bus`, `network`, ...
 */
export function openLog(room: string, level = 'info', destination?: DestinationStream): Logger {
  return pino(
    {
      level,
      base: { room },
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths: SECRET_FIELDS.flatMap((name) => [name, `*.${name}`]), censor: '[redacted]' },
    },
    destination ?? pino.destination({ dest: 2, sync: true }),
  );
}
