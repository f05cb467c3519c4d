import { BulkheadError, describeError, type Logger, type Site } from '@bulkhead/platform/kernel';
import { openLab, type Lab } from '../lab/index.ts';
import { openReplay } from '../replay/index.ts';
import type { StartOptions } from './options.ts';

/** Where the traffic comes from that the sensor watches. */
export interface Source {
  /** Device that becomes the monitor interface. */
  device: string;
  /** One sentence for people. */
  text: string;
  /** Where the rule manager's rules come from, and who they are about; undefined = there is no such source. */
  lab?: Pick<Lab, 'ruleSource' | 'attack'>;
  /** Begins to send traffic, in the background; faults go to the log. Called once the sensor watches. */
  startTraffic(): void;
  /** Ends the traffic and removes what was made for it. */
  stop(): Promise<void>;
}

/** What a source needs of the network room: the verdict about a real NIC. */
export type CheckDevice = (device: string) => Promise<{ ok: true } | { ok: false; reason: string }>;

/**
 * Makes the network that is watched.
 * @throws BulkheadError START_INTERFACE_REFUSED, START_CAPTURE_*, or what the lab says.
 */
export async function openSource(
  mode: StartOptions['mode'],
  parts: { site: Site; log: Logger; checkDevice: CheckDevice },
): Promise<Source> {
  switch (mode.kind) {
    case 'interface':
      return nicSource(mode.device, parts.checkDevice);
    case 'replay':
      return replaySource(mode.file, parts);
    case 'lab':
      return labSource(parts);
  }
}

async function nicSource(device: string, checkDevice: CheckDevice): Promise<Source> {
  const verdict = await checkDevice(device);
  if (!verdict.ok) {
    throw new BulkheadError({
      code: 'START_INTERFACE_REFUSED',
      message: `${device} cannot be watched: ${verdict.reason}.`,
      hint: 'Name a NIC on a mirror port or TAP, without an address. It will not be able to transmit while it is watched.',
      fields: { device },
    });
  }
  return {
    device,
    text: `the NIC ${device}; it cannot transmit while it is watched`,
    startTraffic: () => undefined,
    stop: () => Promise.resolve(),
  };
}

async function replaySource(file: string, { site, log }: { site: Site; log: Logger }): Promise<Source> {
  const replay = await openReplay({ site, log, file });
  const aborter = new AbortController();
  let playing: Promise<unknown> = Promise.resolve();
  return {
    device: replay.monitorDevice,
    text: `the capture ${file}, played on ${replay.monitorDevice}`,
    startTraffic: () => {
      playing = replay
        .play({ signal: aborter.signal })
        .then(({ sent, failed, seconds }) => {
          process.stderr.write(
            `      capture played: ${String(sent)} frames in ${seconds.toFixed(1)} s${failed === 0 ? '' : `, ${String(failed)} could not be sent`}\n`,
          );
        })
        .catch((error: unknown) => {
          if (!aborter.signal.aborted) process.stderr.write(`      replay failed: ${describeError(error)}\n`);
        });
    },
    stop: async () => {
      aborter.abort();
      await playing;
      await replay.stop();
    },
  };
}

async function labSource({ site, log }: { site: Site; log: Logger }): Promise<Source> {
  const lab = await openLab({ site, log });
  const aborter = new AbortController();
  return {
    device: lab.monitorDevice,
    lab,
    text: `a lab network of its own (namespaces ${site.prefix}-lab-*), copied to ${lab.monitorDevice}`,
    startTraffic: () => {
      lab.startClients(aborter.signal);
      lab.startAttacks(aborter.signal);
    },
    stop: async () => {
      aborter.abort();
      await lab.stop();
    },
  };
}
