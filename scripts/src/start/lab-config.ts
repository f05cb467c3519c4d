import type { Grants, Manifest, SensorConfig } from '@bulkhead/platform/contracts';

/** A configuration as a person writes it: what has defaults may be missing. */
export interface LabConfig {
  version: 1;
  sensor: { name: string };
  monitorInterfaces: { name: string; device: string }[];
  instruments: InstrumentInput[];
  detectionCheck: { intervalS: number; timeoutS: number };
}

type InstrumentInput = Pick<SensorConfig['instruments'][number], 'name' | 'package' | 'interfaces'> & {
  grants: Partial<Grants>;
};

/**
 * The configuration that `scripts/start` runs: one monitor interface, a capture engine, an IDS and passive DNS. Grants
 * are written out one by one, as an operator would give them; here the operator gives all that these ask for.
 */
export function labConfig(sensor: string, device: string, manifests: readonly Manifest[]): LabConfig {
  const monitor = 'mon';
  return {
    version: 1,
    sensor: { name: sensor },
    monitorInterfaces: [{ name: monitor, device }],
    instruments: manifests.map((manifest) => grantAll(manifest, monitor)),
    detectionCheck: { intervalS: 30, timeoutS: 15 },
  };
}

function grantAll(manifest: Manifest, monitor: string): InstrumentInput {
  const { asks } = manifest;
  return {
    name: manifest.name,
    package: manifest.name,
    interfaces: Object.fromEntries(asks.interfaces.map((port) => [port.name, monitor])),
    grants: {
      capabilities: asks.capabilities,
      publish: asks.publish,
      read: asks.read,
      send: asks.send,
    },
  };
}
