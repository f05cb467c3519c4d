import type { PlatformEventType } from '../contracts/index.ts';
import { linkName } from '../kernel/index.ts';
import { digestOf, type DesiredPort, type DesiredState } from './desired.ts';
import { toldRights, writeIdentity } from './instrument-files.ts';
import type { Applied } from './observe.ts';
import { PageOpener, type PageParts } from './page-opener.ts';
import { busModel, rightsDigest, type Step } from './plan.ts';
import type { RightsNotices } from './rights-notices.ts';
import type { BusRoom, NetworkRoom, RuntimeRoom } from './rooms.ts';
import { startInstrument, stopInstrument, type InstrumentParts } from './start-instrument.ts';

/** What the executors act on. */
export interface ExecutorParts extends InstrumentParts {
  desired: () => DesiredState;
  runtime: InstrumentParts['runtime'] & Pick<RuntimeRoom, 'list'>;
  pages: PageParts['pages'];
  network: InstrumentParts['network'] &
    Pick<NetworkRoom, 'attachMonitor' | 'detachMonitor' | 'captureLinks' | 'setFanout'>;
  bus: InstrumentParts['bus'] & Pick<BusRoom, 'ensure'>;
  publish: (type: PlatformEventType, record: Record<string, unknown>) => void;
  /** Digests that were put in force; what `observe` compares with. */
  applied: Applied;
  notices: Pick<RightsNotices, 'tell' | 'forget'>;
  /** Ports that a container was made with, as its label says; for instruments that left the configuration. */
  portsOf: (name: string) => Promise<readonly DesiredPort[]>;
  onStarted: (name: string) => void;
  onStopped: (name: string) => void;
}

type Executors = { [Kind in Step['kind']]: (step: Extract<Step, { kind: Kind }>) => Promise<void> };

/** One executor for each kind of step. */
export function executors(parts: ExecutorParts): Executors {
  const stop = async (name: string, reason: string) => {
    parts.notices.forget(name);
    parts.applied.rights.delete(name);
    await stopInstrument(parts, name, await parts.portsOf(name));
    parts.onStopped(name);
    parts.publish('instrument.stopped', { instrument: name, reason });
  };
  const { log, pages, applied } = parts;
  const opener = new PageOpener({ log, pages, opening: applied.openingPages });
  return {
    configureBus: () => configureBus(parts),
    updateRights: async ({ name }) => {
      const instrument = parts.desired().instruments.find((candidate) => candidate.name === name);
      if (instrument === undefined) return;
      await writeIdentity(parts.site, parts.desired().sensor, instrument);
      parts.applied.rights.set(name, rightsDigest(instrument));
      parts.notices.tell(name, toldRights(instrument));
    },
    stopInstrument: ({ name, reason }) => stop(name, reason),
    removeInstrument: async ({ name, reason }) => {
      await stop(name, reason);
      await parts.runtime.remove(name);
    },
    detachMonitor: async ({ name }) => {
      await parts.network.detachMonitor(name);
      parts.applied.fanouts.delete(name);
    },
    attachMonitor: async ({ name, device }) => {
      await parts.network.attachMonitor({ name, device });
      await parts.network.captureLinks(name);
      parts.publish('monitor.attached', { monitor: name, device });
    },
    startInstrument: async ({ name, reason }) => {
      const instrument = parts.desired().instruments.find((candidate) => candidate.name === name);
      if (instrument === undefined) return; // the configuration changed since the plan was made
      await startInstrument(parts, parts.desired().sensor, instrument);
      parts.notices.forget(name);
      parts.applied.rights.set(name, rightsDigest(instrument));
      parts.onStarted(name);
      parts.publish('instrument.started', { instrument: name, version: instrument.manifest.version, reason });
    },
    closePage: ({ name }) => pages.close(name),
    servePage: async ({ name, port }) => {
      opener.open(name, port);
    },
    setFanout: async ({ monitor, ports, digest }) => {
      const targets = ports.map(({ instrument, port, filter }) => ({
        hostEnd: linkName(parts.site, 'm', `${instrument}/${port}`),
        filter,
      }));
      await parts.network.setFanout(monitor, targets);
      parts.applied.fanouts.set(monitor, { digest, hostEnds: targets.map(({ hostEnd }) => hostEnd) });
    },
  };
}

/** Brings the bus to the rights that are desired now, which may be others than when a plan was made. */
export async function configureBus({
  bus,
  desired,
  applied,
}: Pick<ExecutorParts, 'desired' | 'applied'> & { bus: Pick<BusRoom, 'ensure'> }): Promise<void> {
  const model = busModel(desired());
  await bus.ensure(model);
  applied.busDigest = digestOf(model);
}

/** Runs the step's executor. */
export async function execute(all: Executors, step: Step): Promise<void> {
  // The record is keyed by the same union, so the kinds agree; TypeScript cannot correlate the two.
  const executor = all[step.kind] as (step: Step) => Promise<void>;
  await executor(step);
}
