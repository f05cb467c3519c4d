/** Codes that the sdk raises; the platform's error catalogue lists each with a title and a hint. */
export type InstrumentErrorCode =
  | 'BUS_BUFFER_FULL'
  | 'BUS_CLOSED'
  | 'BUS_COMMAND_FAILED'
  | 'BUS_CONNECT_FAILED'
  | 'BUS_FILE_INVALID'
  | 'BUS_NO_RESPONDER'
  | 'BUS_NOT_PERMITTED'
  | 'BUS_OPTIONS_INVALID'
  | 'BUS_PAYLOAD_INVALID'
  | 'BUS_PAYLOAD_TOO_LARGE'
  | 'BUS_PUBLISH_REFUSED'
  | 'BUS_READ_REVOKED'
  | 'BUS_RECORD_INVALID'
  | 'BUS_RECORD_TOO_LARGE'
  | 'BUS_REPLY_INVALID'
  | 'BUS_SERVICE_BUSY'
  | 'BUS_SERVICE_REFUSED'
  | 'BUS_STREAM_FULL'
  | 'BUS_TIMEOUT';

/** Facts of one failure; safe to show. */
export type InstrumentErrorFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** The one error class of the sdk: a stable code, what failed on what, and what to do. */
export class InstrumentError extends Error {
  readonly code: InstrumentErrorCode;
  readonly hint: string | undefined;
  readonly fields: InstrumentErrorFields;

  constructor(init: {
    code: InstrumentErrorCode;
    message: string;
    hint?: string;
    fields?: InstrumentErrorFields;
    cause?: unknown;
  }) {
    super(init.message, init.cause === undefined ? undefined : { cause: init.cause });
    this.name = 'InstrumentError';
    this.code = init.code;
    this.hint = init.hint;
    this.fields = Object.freeze({ ...init.fields });
  }
}

/** The refusal of a right that the instrument does not have; names instrument, operation and subject. */
export function notPermitted(
  instrument: string,
  operation: string,
  subject: string,
  hint?: string,
): InstrumentError {
  return new InstrumentError({
    code: 'BUS_NOT_PERMITTED',
    message: `${instrument} may not ${operation} on ${subject}.`,
    hint: hint ?? 'Ask for it in instrument.yaml and grant it in the sensor configuration.',
    fields: { instrument, operation, subject },
  });
}
