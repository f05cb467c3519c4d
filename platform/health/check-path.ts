/** Counters of one monitor interface, stage by stage; the network's ledger has this shape. All only grow. */
export interface PathCounters {
  /** Detection checks put into the receive path. */
  injected: number;
  /** Arrived while no capture engine was linked. */
  unforwarded: number;
  forwarded: number;
  capture: { in: number; out: number };
  fanout: { input: number };
  ports: readonly { hostEnd: string; wanted: number; delivered: number; dropped: number }[];
}

/**
 * Where a detection check that did not come back got lost, and what to look at. On busy traffic other packets move the
 * counters too; then a stage counts as broken only if nothing at all passed it.
 */
export function explainMiss(
  monitor: string,
  before: PathCounters | undefined,
  after: PathCounters | undefined,
): string {
  if (before === undefined || after === undefined) {
    return `The counters of ${monitor} cannot be read: is the interface still attached?`;
  }
  const passed = (value: (counters: PathCounters) => number): boolean => value(after) > value(before);
  if (!passed((c) => c.injected)) {
    return `The check did not get into the receive path of ${monitor}: look at the interface (down, or replaced?).`;
  }
  if (!passed((c) => c.forwarded)) {
    const why = passed((c) => c.unforwarded)
      ? 'no capture engine is linked to it'
      : 'the forwarding rule did not take it';
    return `Packets arrive at ${monitor} and are not handed to the capture engine: ${why}.`;
  }
  if (!passed((c) => c.capture.in)) {
    return `Packets of ${monitor} leave for the capture engine and do not arrive: look at the link into its container.`;
  }
  if (!passed((c) => c.capture.out)) {
    return `The capture engine of ${monitor} takes packets and gives none back: look at its container (\`bulkhead logs\`).`;
  }
  if (!passed((c) => c.fanout.input)) {
    return `Packets come out of the capture engine of ${monitor} and do not reach the fan-out: look at the link out of its container.`;
  }
  if (after.ports.length === 0) {
    return `No instrument has a mirror port on ${monitor}: nothing can see the check.`;
  }
  const delivered = (c: PathCounters): number => c.ports.reduce((sum, port) => sum + port.delivered, 0);
  if (!passed(delivered)) {
    const dropped = after.ports.filter(
      (port) => port.dropped > (before.ports.find((p) => p.hostEnd === port.hostEnd)?.dropped ?? 0),
    );
    const where = dropped.length > 0 ? dropped : after.ports;
    return `The fan-out of ${monitor} copies packets and no mirror port gets them: look at ${where.map((p) => p.hostEnd).join(', ')}.`;
  }
  return `Packets of ${monitor} reach the mirror ports and no alert came back: look at the tool (\`bulkhead logs\`: its rules, its capture) and at the bus.`;
}
