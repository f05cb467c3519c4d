import type { EventFacets } from '@bulkhead/fleet-api';

type Values = EventFacets['types'];

/**
 * New counts in the places of the old: what somebody points at or has the focus on stays where it is. What is not among the most
 * frequent any more keeps its last count, what is new comes last. Pure.
 */
export function steady(before: EventFacets, now: EventFacets): EventFacets {
  return {
    ...now,
    types: inPlace(before.types, now.types),
    sensors: inPlace(before.sensors, now.sensors),
    instruments: inPlace(before.instruments, now.instruments),
    severities: inPlace(before.severities, now.severities),
    signatures: inPlace(before.signatures, now.signatures),
    addresses: inPlace(before.addresses, now.addresses),
  };
}

function inPlace(before: Values, now: Values): Values {
  const known = new Set(before.map(({ value }) => value));
  return [
    ...before.map((one) => now.find(({ value }) => value === one.value) ?? one),
    ...now.filter(({ value }) => !known.has(value)),
  ];
}
