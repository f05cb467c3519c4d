/** Codes are stable, upper-case, and start with the room that raises them: `STORAGE_VOLUME_FULL`. */
export type ErrorCode = `${Uppercase<string>}_${Uppercase<string>}`;

/** Extra facts of one failure; safe to show to people. Never put secrets here. */
export type ErrorFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** What a {@link BulkheadError} is made of. */
export interface ErrorInit {
  /** One of the codes in `contracts/error-catalogue.ts`. */
  code: ErrorCode;
  /** What failed and on what, in one sentence. */
  message: string;
  /** What the reader can do about it. */
  hint?: string;
  /** Place and values, for machines (`pointer`, `instrument`, `path`, ...). */
  fields?: ErrorFields;
  /** The original error; goes to the log and never to people. */
  cause?: unknown;
}

/** The one error class of the platform. People see code, message, hint and fields; the cause goes to the log. */
export class BulkheadError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly fields: ErrorFields;

  constructor(init: ErrorInit) {
    super(init.message, init.cause === undefined ? undefined : { cause: init.cause });
    this.name = 'BulkheadError';
    this.code = init.code;
    this.hint = init.hint;
    this.fields = Object.freeze({ ...init.fields });
  }

  /** The form that APIs and `--json` print. */
  toJSON(): { code: ErrorCode; message: string; hint?: string; fields: ErrorFields } {
    return {
      code: this.code,
      message: this.message,
      ...(this.hint === undefined ? {} : { hint: this.hint }),
      fields: this.fields,
    };
  }
}

/** True when `error` carries `code`; works for anything thrown. */
export function hasCode(error: unknown, code: string): boolean {
  return typeof error === 'object' && error !== null && (error as { code?: unknown }).code === code;
}

/** One line for a log or a status field: code and message where there is a code, else the message. */
export function describeError(error: unknown): string {
  if (error instanceof BulkheadError) return `${error.code}: ${error.message}`;
  return error instanceof Error ? error.message : String(error);
}
