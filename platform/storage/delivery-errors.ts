import { BulkheadError } from '../kernel/index.ts';

/** Receiver and name of a delivered file. */
export interface Placement {
  to: string;
  as: string;
}

export function invalid(why: string): BulkheadError {
  return new BulkheadError({
    code: 'STORAGE_DELIVERY_INVALID',
    message: `The file was not taken: ${why}.`,
    hint: 'Name the file in the outbox by its SHA-256, and say its exact size.',
  });
}

export function nameTaken({ to, as }: Placement, by: string): BulkheadError {
  return new BulkheadError({
    code: 'STORAGE_DELIVERY_NAME_TAKEN',
    message: `${to} has a file ${as} already, from ${by}.`,
    hint: 'Choose another name, or have that file removed first.',
    fields: { to, as },
  });
}

export function foreign(to: string, as: string, by: string): BulkheadError {
  return new BulkheadError({
    code: 'STORAGE_DELIVERY_FOREIGN',
    message: `The file ${as} of ${to} is from ${by}, and only that sender or the operator can remove it.`,
    hint: 'Name only files that were delivered by the same instrument.',
    fields: { to, as },
  });
}

export function unknownFile(to: string, as: string): BulkheadError {
  return new BulkheadError({
    code: 'STORAGE_DELIVERY_UNKNOWN',
    message: `No file ${as} was delivered to ${to}.`,
    hint: `\`bulkhead resources list ${to}\` shows what is there.`,
    fields: { to, as },
  });
}

export function tooMuch({ to, as }: Placement, why: string): BulkheadError {
  return new BulkheadError({
    code: 'STORAGE_DELIVERY_LIMIT',
    message: `The file ${as} was not delivered to ${to}: ${why}.`,
    hint: 'Remove files that are no longer needed, or deliver less.',
    fields: { to, as },
  });
}

export function noSpace(folder: string, freeMib: number): BulkheadError {
  return new BulkheadError({
    code: 'STORAGE_HOST_FULL',
    message: `The disk below ${folder} has ${String(freeMib)} MiB left; no file was delivered.`,
    hint: 'Free space on that disk.',
    fields: { freeMib },
  });
}
