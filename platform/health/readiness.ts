import type { SensorStatus } from '../contracts/index.ts';

/**
 * Why the sensor does not see, in words; empty when it does: the bus is up, every monitor interface watches, its detection
 * check came back, and every instrument of the configuration runs and says that it is well. Packets that were lost, and
 * what else needs attention, do not count here. Pure.
 */
export function blindness(status: SensorStatus): string[] {
  const checks = status.monitors.flatMap(({ name, check }) => {
    switch (check.state) {
      case 'ok':
      case 'off':
        return [];
      case 'pending':
        return [`no detection check on ${name} came back yet`];
      case 'missed':
      case 'blind':
        return [`the detection check on ${name} did not come back`];
    }
  });
  return [
    ...(status.bus.up ? [] : ['the bus is down']),
    ...status.monitors
      .filter(({ state }) => state !== 'watching')
      .map(({ name }) => `monitor interface ${name} is not watching`),
    ...checks,
    ...status.instruments
      .filter(({ state, unverified }) => state !== 'disabled' && unverified !== true)
      .filter(({ state, health }) => state !== 'running' || health !== 'ok')
      .map(({ name, state, health }) => `${name} is ${state === 'running' ? health : state}`),
  ];
}
