import type { BusModel } from '@bulkhead/platform/bus';
import type { DesiredState } from '../../../platform/sensord/desired.ts';

/** What a sensor with the instruments of this bus would have as its desired state, as far as its data is concerned. */
export function desiredWith(model: BusModel): DesiredState {
  const instruments = model.instruments.map(({ name, publish, read, send, accept }) => ({
    name,
    rights: { capabilities: [], publish, read, send, accept },
  }));
  return {
    sensor: model.sensor,
    monitors: [],
    instruments,
    problems: [],
    bus: model,
  } as unknown as DesiredState;
}
