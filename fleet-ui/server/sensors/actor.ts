import type { FastifyRequest } from 'fastify';
import type { GrantedRight } from '@bulkhead/fleet-api';
import { BulkheadError } from '@bulkhead/platform/kernel';
import type { Person } from '../web/index.ts';
import type { Actor } from './ports.ts';

/** The person of a request that the guard let through. */
export function personOf(request: FastifyRequest): Person {
  if (request.person !== undefined) return request.person;
  throw new BulkheadError({ code: 'FLEET_WEB_SIGNED_OUT', message: 'Nobody is signed in.' });
}

export function actorOf(request: FastifyRequest): Actor {
  const { id, name } = personOf(request);
  return { id, name };
}

/**
 * For what is done to several sensors: the right must be held on each.
 * @throws BulkheadError FLEET_WEB_DENIED
 */
export function mustHold(person: Person, right: GrantedRight, sensors: readonly string[]): void {
  const missing = sensors.find((sensor) => !person.may(right, sensor));
  if (missing === undefined) return;
  throw new BulkheadError({
    code: 'FLEET_WEB_DENIED',
    message: `You do not have the right ${right} on ${missing}.`,
    fields: { right, sensor: missing },
  });
}

/** @throws BulkheadError FLEET_WEB_DENIED: for what concerns sensors that are not there yet, a narrowed role is not enough */
export function mustHoldEverywhere(person: Person): void {
  // Held by who operates the fleet as a whole; a role that is narrowed does not give it.
  if (person.may('sensors.adopt')) return;
  throw new BulkheadError({
    code: 'FLEET_WEB_DENIED',
    message: 'Your role is narrowed to some sensors; this concerns the fleet as a whole.',
    fields: { right: 'sensors.adopt' },
  });
}
