import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import type { DataCopy, DataSource, Extent } from '../data/index.ts';
import { instrumentSource } from '../data/index.ts';
import { describeError, sitePaths, type Site } from '../kernel/index.ts';
import { holdDirectory, listInstrumentFiles, type VolumeState } from '../storage/index.ts';
import type { DesiredInstrument, DesiredState } from './desired.ts';
import type { BusRoom, ContainerState, StorageRoom } from './rooms.ts';

const MIB = 1024 * 1024;
/** Names that are looked at in a volume; of more, the rest is not measured. */
const MAX_FILES = 1_024;
/** A smaller file is a setting or a lock, and says nothing about the age of data. */
const DATA_FILE_BYTES = 65_536;

export interface VolumeSourceParts {
  site: Site;
  storage: Pick<StorageRoom, 'list'>;
  bus: Pick<BusRoom, 'request'>;
  desired: () => DesiredState;
  containers: () => readonly ContainerState[];
}

/** One source for each instrument of the moment: its volume, measured, and what it declares to keep in it. */
export function instrumentSources(parts: VolumeSourceParts): DataSource[] {
  const { instruments } = parts.desired();
  return instruments.map((instrument): DataSource => {
    const { name } = instrument;
    const running = parts.containers().some((one) => one.name === name && one.status === 'running');
    const facts = {
      name,
      running,
      readers: [`${name} itself`, ...askersOf(instruments, instrument)],
      goesTo:
        instrument.rights.publish.length === 0
          ? []
          : [`stream/${name} (publishes ${instrument.rights.publish.join(', ')})`],
      request: (command: string, payload: unknown, timeoutMs: number) =>
        parts.bus.request(name, command, payload, timeoutMs),
    };
    const source = instrumentSource({ ...facts, volume: undefined });
    return {
      ...source,
      copies: async (signal) => {
        const state = (await parts.storage.list()).find((volume) => volume.name === name);
        const volume = state === undefined ? undefined : await volumeCopy(parts.site, state, facts.readers);
        return instrumentSource({ ...facts, volume }).copies(signal);
      },
    };
  });
}

/** Volumes that no configured instrument has: what was left by those that are gone, and the platform's own. */
export function otherVolumes(parts: VolumeSourceParts): DataSource {
  return {
    name: 'volumes',
    copies: async () => {
      const known = new Set(parts.desired().instruments.map(({ name }) => name));
      const others = (await parts.storage.list()).filter(({ name }) => !known.has(name));
      return others.map((state) => volumeFacts(parts.site, state, []));
    },
  };
}

async function volumeCopy(site: Site, state: VolumeState, readers: readonly string[]): Promise<DataCopy> {
  const copy = volumeFacts(site, state, readers);
  if (state.state !== 'unlocked') return copy;
  const seen = await oldestFile(join(sitePaths(site).mountsDir, state.name, 'instrument')).catch(
    describeError,
  );
  // Being locked at this moment, or hostile: its age is not known, and the report goes on.
  if (typeof seen === 'string') return { ...copy, faults: [`could not be looked into: ${seen}`] };
  const { oldest, unseen } = seen;
  const note = unseen === 0 ? '' : ` (${String(unseen)} folders or files with odd names were not looked at)`;
  return {
    ...copy,
    what: `${copy.what}${note}`,
    measured: { ...copy.measured, ...(oldest === undefined ? {} : { oldest }) },
  };
}

function volumeFacts(site: Site, state: VolumeState, readers: readonly string[]): DataCopy {
  const measured: Extent = { bytes: state.usedMib * MIB };
  return {
    copy: `volume/${state.name}`,
    kind: 'volume',
    what:
      state.state === 'absent'
        ? 'a key without its volume'
        : `an encrypted volume, ${state.state === 'locked' ? 'locked now' : 'open now'}`,
    where: join(sitePaths(site).volumesDir, `${state.name}.img`),
    holder: state.name,
    limitBytes: state.sizeMib * MIB,
    measured,
    policy: { text: 'none: it goes when the volume is destroyed, with its key' },
    readers,
    goesTo: [],
  };
}

/** Who may ask this instrument something: instruments that were granted to send it commands. */
function askersOf(all: readonly DesiredInstrument[], of: DesiredInstrument): string[] {
  return all.flatMap(({ name, rights }) => {
    const commands = rights.send.filter(({ to }) => to === of.name).map(({ command }) => command);
    return commands.length === 0 ? [] : [`${name}, by asking it (granted: ${commands.join(', ')})`];
  });
}

/**
 * When the file was last written that was not written for longest: its content is at least that old. The folder is the
 * instrument's, so it is held open, names are plain, and no link is followed: nothing but facts of directory entries is read.
 */
async function oldestFile(mount: string): Promise<{ oldest: string | undefined; unseen: number }> {
  const held = await holdDirectory(mount, ['persistent']);
  try {
    const { names, skipped } = await listInstrumentFiles(held.path, MAX_FILES);
    let oldestMs = Infinity;
    for (const name of names) {
      const facts = await lstat(join(held.path, name)).catch(() => undefined);
      if (facts?.isFile() !== true || facts.size < DATA_FILE_BYTES) continue;
      oldestMs = Math.min(oldestMs, facts.mtimeMs);
    }
    const believable = oldestMs > 0 && oldestMs < 253_402_300_800_000;
    return { oldest: believable ? new Date(oldestMs).toISOString() : undefined, unseen: skipped };
  } finally {
    await held.close();
  }
}
