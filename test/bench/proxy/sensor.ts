import { connect } from 'node:net';
import { SimulatedSensor, type SensorIdentity } from '../../support/fleet/simulated-sensor.ts';
import { mainOf } from './child.ts';

/** The sensor's end of tunnels: real gRPC, the sensor's own stream, and the socket of the page behind it. */
mainOf(async ({ socket, ...options }: SensorIdentity & { address: string; socket: string }) => {
  const sensor = new SimulatedSensor({
    ...options,
    page: () => connect({ path: socket, allowHalfOpen: true }),
  });
  await sensor.attach();
  return {};
});
