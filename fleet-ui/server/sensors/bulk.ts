import type { BulkRequest, SensorOutcome } from '@bulkhead/fleet-api';
import { BulkheadError } from '@bulkhead/platform/kernel';
import type { Person } from '../web/index.ts';
import { mustHold, mustHoldEverywhere } from './actor.ts';
import { inBatches } from './batches.ts';
import { checkOverlay } from './effective-config.ts';
import { oneLine, type Actor } from './ports.ts';
import type { Sensors } from './sensors.ts';

type Action = BulkRequest['action'];

const RIGHTS = {
  group: 'sensors.operate',
  tags: 'sensors.operate',
  overrides: 'sensors.configure',
  resend: 'sensors.configure',
  'confirm-return': 'sensors.operate',
  revoke: 'sensors.operate',
} as const satisfies Record<Action['kind'], string>;

/**
 * Does one thing to many sensors. What is wrong with one is its outcome and stops no other; none is waited for: who is not there
 * is caught up when it is back.
 * @throws BulkheadError FLEET_WEB_DENIED, before anything was done, when the person may not do it to all of them
 */
export async function bulk(
  sensors: Sensors,
  { sensors: ids, action }: BulkRequest,
  person: Person,
): Promise<SensorOutcome[]> {
  const wanted = [...new Set(ids)];
  mustHold(person, RIGHTS[action.kind], wanted);
  if (action.kind === 'group') {
    mustHoldEverywhere(person);
    if (action.group !== null) sensors.groups.get(action.group);
  }
  if (action.kind === 'overrides') checkOverlay(action.overrides, 'sensor');
  const by = { id: person.id, name: person.name };
  return inBatches(sensors.options.db, wanted, (id) => {
    const outcome = tried(sensors, id, action, by);
    const { name, state, code } = outcome;
    sensors.options.audit.write({
      person: by,
      action: `sensor.${action.kind}`,
      target: id,
      outcome: state === 'refused' ? 'refused' : 'done',
      ...(code === undefined ? {} : { code }),
      facts: { name, state },
    });
    return outcome;
  });
}

function tried(sensors: Sensors, id: string, action: Action, by: Actor): SensorOutcome {
  try {
    return one(sensors, id, action, by);
  } catch (error) {
    if (!(error instanceof BulkheadError)) throw error;
    const name = sensors.registry.find(id)?.name ?? id;
    return { sensor: id, name, state: 'refused', code: error.code, detail: error.message };
  }
}

function one(sensors: Sensors, id: string, action: Action, by: Actor): SensorOutcome {
  const { name, tags } = sensors.registry.get(id);
  switch (action.kind) {
    case 'group':
      return sensors.moveTo(id, action.group, by, action.reason);
    case 'tags': {
      const next = [...new Set([...tags, ...action.add])]
        .filter((tag) => !action.remove.includes(tag))
        .sort();
      if (next.join() === tags.join()) return { sensor: id, name, state: 'unchanged' };
      sensors.registry.update(id, { tags: next.slice(0, 32) });
      return { sensor: id, name, state: 'done' };
    }
    case 'overrides': {
      const overrides = checkOverlay(action.overrides, 'sensor');
      return sensors.desired.addOverrides(id, overrides, { by, reason: action.reason, cause: 'sensor' });
    }
    case 'resend':
      return sensors.desired.resend(id, { by, reason: action.reason || 'sent once more' });
    case 'confirm-return':
      sensors.returns.decide(id, 'granted');
      return { sensor: id, name, state: 'done' };
    case 'revoke':
      sensors.revoke(id, oneLine(action.reason));
      return { sensor: id, name, state: 'done' };
  }
}
