import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import type { ErrorReply } from '@bulkhead/fleet-api';
import { ERROR_CATALOGUE } from '@bulkhead/platform/contracts';
import { BulkheadError, hasCode } from '@bulkhead/platform/kernel';

/** For codes whose entry in the catalogue names no status of its own. */
const STATUS_OF_ENDING: readonly (readonly [RegExp, number])[] = [
  [/_(SIGNED_OUT|UNAUTHENTICATED)$/, 401],
  [/_(DENIED|REFUSED|FORBIDDEN)$/, 403],
  [/_(UNKNOWN|NOT_FOUND|MISSING)$/, 404],
  [/_(EXISTS|TAKEN|CONFLICT|USED)$/, 409],
  [/_(BUSY|LIMITED|LOCKED)$/, 429],
  [/_(OFFLINE|UNAVAILABLE)$/, 503],
  [/_TIMEOUT$/, 504],
];

/** The HTTP status with which a code is answered: the catalogue's, else by how the code ends, else 400. */
export function statusOf(code: string): number {
  return ERROR_CATALOGUE[code]?.status ?? STATUS_OF_ENDING.find(([ending]) => ending.test(code))?.[1] ?? 400;
}

/** The one shape in which errors are answered. What is no BulkheadError says nothing of its inside. */
export function errorReply(error: unknown): { status: number; reply: ErrorReply } {
  if (error instanceof BulkheadError) return { status: statusOf(error.code), reply: shown(error) };
  if (hasZodFastifySchemaValidationErrors(error)) {
    const faults = error.validation.slice(0, 10);
    const place = (path: string) => `/${error.validationContext ?? 'request'}${path}`;
    return ofCode(
      'FLEET_WEB_REQUEST_INVALID',
      `The request is not valid: ${faults.map((f) => `${place(f.instancePath)}: ${f.message ?? 'is not valid'}`).join('; ')}`,
      { pointer: place(faults[0]?.instancePath ?? '') },
    );
  }
  const status = (error as Partial<FastifyError>).statusCode;
  if (hasCode(error, 'FST_ERR_CTP_BODY_TOO_LARGE')) {
    return ofCode('FLEET_WEB_BODY_TOO_LARGE', 'The request is larger than this address takes.');
  }
  if (status !== undefined && status >= 400 && status < 500) {
    const { reply } = ofCode('FLEET_WEB_REQUEST_INVALID', (error as Error).message);
    return { status, reply };
  }
  return ofCode('FLEET_WEB_INTERNAL', 'Something went wrong in the fleet.');
}

/** Answers an error; what is the fleet's own fault goes to the log with its cause. */
export function sendError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const answer = errorReply(error);
  if (answer.status >= 500) request.log.error({ err: error }, `request failed: ${answer.reply.code}`);
  else request.log.debug({ err: error }, 'request refused');
  const { retryAfterS } = answer.reply.fields ?? {};
  if (typeof retryAfterS === 'number') reply.header('retry-after', retryAfterS);
  return reply.code(answer.status).header('cache-control', 'no-store').send(answer.reply);
}

function ofCode(code: `FLEET_WEB_${Uppercase<string>}`, message: string, fields?: Record<string, string>) {
  return {
    status: statusOf(code),
    reply: shown(new BulkheadError({ code, message, ...(fields === undefined ? {} : { fields }) })),
  };
}

function shown(error: BulkheadError): ErrorReply {
  const hint = error.hint ?? ERROR_CATALOGUE[error.code]?.hint;
  const fields = Object.fromEntries(
    Object.entries(error.fields).filter(
      (field): field is [string, string | number | boolean] => field[1] !== undefined,
    ),
  );
  return {
    code: error.code,
    message: error.message,
    ...(hint === undefined ? {} : { hint }),
    ...(Object.keys(fields).length === 0 ? {} : { fields }),
  };
}
